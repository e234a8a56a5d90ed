"""The Optimizers room in a real browser: cards as the API has them, and the playground's animation."""

from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from surefoot import optim
from surefoot.study.format import setting

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

SERIOUS = ("serious", "critical")
BOTH = ("default", "tuned")


@pytest.fixture(scope="module", autouse=True)
def awake(lab):
    """The first answer waits for the lab's workers, which import much; on a busy machine that takes long."""
    with urlopen(f"{lab.url}/api/studies", timeout=120) as answer:
        assert answer.status == 200


def told(page, path):
    """What the API says, asked as the page asks."""
    return page.evaluate("async path => (await fetch(path)).json()", path)


def animated(page, name, query=""):
    page.goto(f"/optimizers/{name}{query}")
    for tuning in BOTH:
        page.locator(f"figure[data-tuning={tuning}] ul.legend").wait_for()


def gallery(page):
    page.locator("ul.tiles, main p", has_text="None is all of this").or_(
        page.locator(".tile")
    ).first.wait_for()
    return page.locator(".tile h2 a").all_text_contents()


def is_blank(page, selector):
    """Whether every pixel of a canvas is the same."""
    return page.locator(selector).evaluate(
        """canvas => {
          const { width, height } = canvas;
          const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
          return data.length === 0 || data.every(pixel => pixel === data[0]);
        }"""
    )


def test_the_gallery_shows_every_optimizer_and_filters(page):
    page.goto("/optimizers")
    assert gallery(page) == list(optim.OPTIMIZERS)
    tile = page.locator(".tile", has=page.get_by_role("link", name="Adafactor"))
    card = told(page, "/api/optimizers/Adafactor")
    assert card["summary"] in tile.text_content()
    assert card["state_bytes_per_parameter"] in tile.text_content()
    page.get_by_label("needs a closure").check()
    closure = [name for name, optimizer in optim.OPTIMIZERS.items() if optimizer.facts().needs_closure]
    assert gallery(page) == closure
    page.get_by_label("keeps no state").check()
    assert gallery(page) == ["RandomSearch"]
    page.goto(page.url)
    page.locator(".tile").wait_for()
    assert gallery(page) == ["RandomSearch"]
    assert page.get_by_label("needs a closure").is_checked()
    page.get_by_label("matrices only").check()
    assert page.get_by_text("None is all of this").is_visible()


def test_a_card_says_what_the_api_says(page):
    page.goto("/optimizers/Adam")
    page.locator("table.settings-table").wait_for()
    card = told(page, "/api/optimizers/Adam")
    assert page.locator("pre.equation").text_content() == card["equation"].strip("\n").rstrip()
    rows = page.locator("table.settings-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    facts = optim.Adam.facts()
    assert rows == [[h.name, setting(h.default), h.meaning, h.usual or "–"] for h in facts.hyperparameters]
    remarks = page.locator("dl.remarks").text_content()
    for fact in ("family", "good_at", "bad_at", "takes", "state_bytes_per_parameter"):
        assert card[fact] in remarks
    paper = page.get_by_role("link", name="arxiv.org/abs/1412.6980")
    assert paper.get_attribute("rel") == "noopener noreferrer"
    assert paper.get_attribute("href") == "https://arxiv.org/abs/1412.6980"


def test_its_animation_is_that_of_the_api_and_opens_in_the_playground(page):
    animated(page, "RMSprop")
    body = {
        "surface": "saddle",
        "optimizers": [{"optimizer": name, "hyperparameters": {}} for name in ("RMSprop", "SGD", "Adam")],
        "steps": 120,
    }
    for tuning in BOTH:
        place = page.locator(f"figure[data-tuning={tuning}]")
        animation = page.evaluate(
            """async body => (await fetch("/api/animate", { method: "POST", body: JSON.stringify(body),
                 headers: { "Content-Type": "application/json" } })).json()""",
            body | {"tuning": tuning},
        )
        legend = place.locator("ul.legend li").all_text_contents()
        for line, path in zip(legend, animation["paths"], strict=True):
            assert line.startswith(path["optimizer"])
            assert f"lr={setting(path['hyperparameters']['lr'])}" in line
        assert place.get_by_role("link").get_attribute("href") == animation["link"]
        assert not is_blank(page, f"figure[data-tuning={tuning}] canvas")
    page.locator("figure[data-tuning=tuned]").get_by_role("link").click()
    page.wait_for_url("**/playground?*")
    assert parse_qs(urlsplit(page.url).query)["tuning"] == ["tuned"]


def test_the_surface_is_in_the_address_and_the_animation_plays(page):
    page.goto("/optimizers/SGD?surface=beale")
    page.get_by_role("img", name="Paths on beale").first.wait_for()
    assert page.get_by_role("radio", name="Beale").is_checked()
    page.get_by_text("Rosenbrock", exact=True).click()
    page.get_by_role("img", name="Paths on rosenbrock").first.wait_for()
    assert page.url.endswith("?surface=rosenbrock")
    page.get_by_role("button", name="Play").press("Enter")
    page.get_by_role("button", name="Pause").press("Enter")
    page.get_by_role("button", name="Play").wait_for()


def test_an_optimizer_that_there_is_not_is_named_with_the_nearest(page, complaints):
    page.goto("/optimizers/Adm")
    assert "Adam" in page.locator(".error").text_content()
    complaints.clear()  # the browser tells of every 404


@pytest.mark.parametrize("path", ["/optimizers", "/optimizers/LBFGS"])
def test_nobody_is_kept_out(page, path):
    page.goto(path)
    page.locator(".tile, figure[data-tuning=default] ul.legend").first.wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert [(f["id"], f["nodes"][0]["html"]) for f in found if f["impact"] in SERIOUS] == []


@pytest.mark.parametrize("path", ["/optimizers", "/optimizers/Muon"])
def test_a_phone_shows_it_without_scrolling_sideways(phone, path):
    phone.goto(path)
    phone.locator(".tile, figure[data-tuning=default] ul.legend").first.wait_for()
    width = phone.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] == width[1] == 390


def test_the_gallery_is_walked_by_the_keyboard(page):
    page.goto("/optimizers")
    page.locator(".tile").first.wait_for()
    page.get_by_label("needs a closure").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == next(iter(optim.OPTIMIZERS))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=next(iter(optim.OPTIMIZERS))).wait_for()
