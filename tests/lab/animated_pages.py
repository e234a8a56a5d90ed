"""Animations on a page of the lab, and what the API gives for the very same ones."""

from urllib.parse import parse_qs, urlsplit

from surefoot.study.format import number
from surefoot.surfaces.recipe_text import recipe_of

OPTIMIZERS = "SGD:lr=0.01,SGD:lr=0.01;momentum=0.9,Adam:lr=0.3,LBFGS,SGD:lr=5"
STILL = f"/playground?surface=beale&optimizers={OPTIMIZERS}&steps=60"
SHORT = "/playground?surface=saddle&optimizers=Adam:lr=0.1,SGD:lr=0.05&steps=40&frame=40"
ROWS = "tr.path"
COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""
TABLE = """() => [...document.querySelectorAll("tr.path")].map(row =>
    [...row.querySelectorAll("td")].map(cell => cell.textContent))"""


def show(page, path):
    page.goto(path)
    page.wait_for_selector(f"{ROWS} td:nth-child(2):not(:empty)")
    page.wait_for_selector(".bench[aria-busy=false]")
    return page


def body_of(address):
    """What the API is asked for the animation of a link."""
    told = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    recipe = recipe_of({key: text for key, text in told.items() if key not in ("frame", "selected", "view")})
    specs = [
        {"optimizer": r.optimizer, "hyperparameters": dict(r.hyperparameters)} for r in recipe.optimizers
    ]
    fields = ("surface", "tuning", "lr", "start", "x", "y", "steps", "noise", "seed")
    return {"optimizers": specs} | {name: getattr(recipe, name) for name in fields}


def animation_of(page):
    """The animation of the page's own link, from the API."""
    return page.request.post("/api/animate", data=body_of(page.url)).json()


def rows_of(animation, frame):
    """What the table should say at a frame: value and height above the floor."""
    found = []
    for path in animation["paths"]:
        place = max(i for i, at in enumerate(path["evaluations"]) if at <= frame)
        value = path["values"][place]
        height = None if value is None else max(0.0, value - animation["surface"]["floor"])
        found.append([number(value), number(height)])
    return found


def settled(page, frame):
    page.wait_for_function(f"() => location.search.includes('frame={frame}')")
