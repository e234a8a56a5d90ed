"""The HTML templates beside this file: what is filled in is escaped, and a name that is missing is an error.

environment().get_template("report.html").render(study=study)
"""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Where templates come from, without the blank lines that their tags would leave."""
    return Environment(
        loader=PackageLoader("surefoot.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
