from tests.report.conftest import study  # noqa: F401  a fixture
