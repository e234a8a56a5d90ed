from tests.sample_tasks import embedding_model, one_thread, sample, tasks_file  # noqa: F401  fixtures
