"""HTML templates of a package: what is filled in is escaped, and a name that is missing is an error.

environment("surefoot.report").get_template("report.html").render(study=study)
"""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(package: str) -> Environment:
    """The templates in the folder `templates` of a package, without the blank lines that their tags leave."""
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
