"""Races on a page of the lab, and what the API gives for the very same ones."""

from urllib.parse import parse_qs, urlsplit

from surefoot.study.format import number
from surefoot.surfaces.recipe_text import recipe_of

RACERS = "SGD:lr=0.01,SGD:lr=0.01;momentum=0.9,Adam:lr=0.3,LBFGS,SGD:lr=5"
STILL = f"/playground?surface=beale&racers={RACERS}&steps=60"
SHORT = "/playground?surface=saddle&racers=Adam:lr=0.1,SGD:lr=0.05&steps=40&frame=40"
ROWS = "tr.racer"
COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""
TABLE = """() => [...document.querySelectorAll("tr.racer")].map(row =>
    [...row.querySelectorAll("td")].map(cell => cell.textContent))"""


def show(page, path):
    page.goto(path)
    page.wait_for_selector(f"{ROWS} td:nth-child(2):not(:empty)")
    page.wait_for_selector(".bench[aria-busy=false]")
    return page


def body_of(address):
    """What the API is asked for the race of a link."""
    told = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
    recipe = recipe_of({key: text for key, text in told.items() if key not in ("frame", "selected", "view")})
    racers = [{"optimizer": r.optimizer, "hyperparameters": dict(r.hyperparameters)} for r in recipe.racers]
    fields = ("surface", "tuning", "lr", "start", "x", "y", "steps", "noise", "seed")
    return {"racers": racers} | {name: getattr(recipe, name) for name in fields}


def race_of(page):
    """The race of the page's own link, from the API."""
    return page.request.post("/api/race", data=body_of(page.url)).json()


def rows_of(race, frame):
    """What the table should say at a frame: value and height above the floor."""
    found = []
    for racer in race["racers"]:
        place = max(i for i, at in enumerate(racer["evaluations"]) if at <= frame)
        value = racer["values"][place]
        height = None if value is None else max(0.0, value - race["surface"]["floor"])
        found.append([number(value), number(height)])
    return found


def settled(page, frame):
    page.wait_for_function(f"() => location.search.includes('frame={frame}')")
