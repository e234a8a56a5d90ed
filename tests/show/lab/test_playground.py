"""The playground in a real browser: what it shows is what the API gave, and everybody can work it."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from surefoot.landscape.texts import recipe_of
from surefoot.show.format import number

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
    page.wait_for_selector(f"{ROWS} td:nth-child(2):not(:empty)", timeout=60_000)
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


def test_a_visitor_sees_a_race_that_moves(page):
    show(page, "/")
    expect(page.locator("h1")).to_have_text("Four optimizers, one start: Beale")
    expect(page.locator(".lead")).to_contain_text("best of 25 learning rates")
    assert page.locator(ROWS).count() == 4
    before = page.locator(".count").inner_text()
    page.wait_for_function("before => document.querySelector('.count').textContent !== before", arg=before)
    for canvas in page.locator("canvas").all():
        assert canvas.evaluate(COLOURS) > 30
    assert page.locator(".strips figure").count() == 4


@pytest.mark.parametrize("frame", [60, 23, 0])
def test_the_table_tells_what_the_api_gave(page, frame):
    show(page, f"{STILL}&frame={frame}")
    race = race_of(page)
    assert len({racer["optimizer"] for racer in race["racers"]}) == 3
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(race, frame)


def test_divergence_is_named(page):
    show(page, f"{STILL}&frame=60")
    race = race_of(page)
    assert race["racers"][4]["end"].startswith("diverged: ")
    last = race["racers"][4]["evaluations"][-1]
    expect(page.locator(ROWS).nth(4)).to_contain_text(f"diverged after {last}")
    expect(page.locator(".why").nth(4)).to_have_text(race["racers"][4]["end"].removeprefix("diverged: "))
    expect(page.locator(".outcome")).to_contain_text(f"diverged after {last}")
    expect(page.locator("#narration")).to_contain_text(f"diverged after {last}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, f"{SHORT}&selected=1&view=strips")
    page.wait_for_selector(".inspector tbody")
    page.locator(".racers .name").first.click()
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in grave] == []


def test_the_keyboard_is_enough(page):
    show(page, SHORT)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className").startswith("handle"):
            break
    start = race_of(page)["start"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => location.search.includes('start=')")
    moved = race_of(page)["start"]
    assert moved == pytest.approx([start[0] + 0.44, start[1] + 0.044], abs=1e-3)
    for _ in range(5):
        page.keyboard.press("Tab")
        if "Play" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".play")).to_have_text("Pause")
    page.keyboard.press("Space")
    expect(page.locator(".play")).to_have_text("Play")
    page.locator(".scrub input").focus()
    page.keyboard.press("Home")
    settled(page, 0)
    page.keyboard.press("ArrowRight")
    settled(page, 1)
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(race_of(page), 1)
    page.get_by_label("Noise on the gradient", exact=True).focus()
    for _ in range(90):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => /noise=[0-9.]+/.test(location.search)")
    page.get_by_label("Seed of the noise").fill("5")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('seed=5')")
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(race_of(page), 1)


def test_a_click_puts_the_start_there(page):
    show(page, SHORT)
    canvas = page.locator("canvas.picture")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_function("() => location.search.includes('start=')")
    x, y = race_of(page)["start"]
    assert 0.5 < x < 1.2
    assert 0.6 < y < 1.2
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(race_of(page), 40)


def test_a_room_is_announced_by_its_heading(page):
    show(page, SHORT)
    page.get_by_role("link", name="Optimizers", exact=True).click()
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")
    page.go_back()
    page.wait_for_selector(ROWS)
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_a_phone_is_wide_enough_and_its_finger_moves_the_start(phone):
    show(phone, SHORT + "&view=strips")
    assert phone.evaluate("document.scrollingElement.scrollWidth") <= 390
    small = phone.evaluate("""() => [...document.querySelectorAll("button, select, .top a, .switch label")]
        .filter(each => each.offsetParent && !each.closest("table"))
        .filter(each => each.getBoundingClientRect().height < 40).map(each => each.outerHTML)""")
    assert small == []
    handle = phone.locator(".handle")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = phone.context.new_cdp_session(phone)
    for kind, by in (("touchStart", 0), ("touchMove", 30), ("touchMove", 60), ("touchEnd", None)):
        points = [] if by is None else [{"x": x + by, "y": y - by}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        if by == 30:  # it follows the finger
            phone.wait_for_function("() => location.search.includes('start=')")
            held = phone.url
    phone.wait_for_function("held => location.href !== held", arg=held)
    x, y = race_of(phone)["start"]
    assert -1.3 < x < -0.5
    assert 0.4 < y < 1.2
    assert [row[:2] for row in phone.evaluate(TABLE)] == rows_of(race_of(phone), 40)


def test_a_link_opened_elsewhere_shows_the_same(page, browser, lab):
    show(page, f"{STILL}&frame=60")
    page.locator(ROWS).nth(2).click()
    page.locator("[aria-label='One gradient back']").click()
    page.get_by_label("Noise on the gradient, as a number").fill("0.2")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('noise=0.2')")
    settled(page, 59)
    other = browser.new_context().new_page()
    show(other, page.url)
    assert other.evaluate(TABLE) == page.evaluate(TABLE)
    assert other.locator(".count").inner_text() == page.locator(".count").inner_text() == "59 / 60"
    expect(other.locator(".inspector h2")).to_contain_text("Adam, step 60 of 60")
    expect(other.locator(".play")).to_have_text("Play")
    pixels = "canvas => canvas.toDataURL()"
    assert other.locator("canvas.picture").evaluate(COLOURS) > 30
    assert other.evaluate("location.search") == page.evaluate("location.search")
    assert len(other.locator("canvas.picture").evaluate(pixels)) > 10_000
    other.context.close()


def test_the_inspector_tells_what_the_api_gave(page):
    show(page, f"{STILL}&frame=11&selected=2")
    expect(page.locator(".inspector h2")).to_have_text("Adam, step 12 of 60")
    asked = {"recipe": body_of(page.url), "racer": 2, "step": 11}
    seen = page.request.post("/api/inspect", data=asked).json()
    cells = page.locator(".inspector td.n").all_inner_texts()
    wanted = [*seen["point"], seen["value"], *seen["gradient"], *seen["update"], *seen["effective_lr"]]
    assert cells[: len(wanted)] == [number(value) for value in wanted]
    assert set(seen["state"]) <= set(page.locator(".inspector code").all_inner_texts())
    page.locator("body").press("ArrowLeft")
    expect(page.locator(".inspector h2")).to_have_text("Adam, step 11 of 60")


def test_a_formula_is_text_and_a_wrong_one_is_told(page, complaints):
    show(page, SHORT)
    page.on("dialog", lambda dialog: pytest.fail("a formula ran as a script"))
    page.get_by_label("Surface", exact=True).select_option("own formula")
    field = page.get_by_label("Formula of x and y")
    expect(field).to_have_value("x^2 - y^2 + y^4/4")
    before = page.evaluate(TABLE)
    field.fill("<img src=x onerror=alert(1)>")
    expect(page.locator(".formula .error")).to_contain_text("<img src=x onerror=alert(1)>")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.evaluate(TABLE) == before
    assert page.locator("img").count() == 0
    complaints.clear()
    field.fill("x^2 + 3 y^2")
    expect(page.locator("h1")).to_have_text("Two optimizers, one start: x^2 + 3 y^2")
    expect(page.locator(".formula .error")).to_be_hidden()
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(race_of(page), 40)


@pytest.mark.parametrize(
    "link",
    ["surface=%3Cscript%3Ealert(1)%3C/script%3E&racers=Adam", "surface=beale&racers=%3Cb%3E", "steps=<i>"],
)
def test_a_hostile_link_does_no_harm(page, complaints, link):
    page.on("dialog", lambda dialog: pytest.fail("a link ran as a script"))
    page.goto(f"/playground?surface=beale&{link}" if link.startswith("steps") else f"/playground?{link}")
    expect(page.locator(".error:visible")).to_have_count(1)
    assert page.locator("main script, main b:has-text('<'), main i").count() == 0
    complaints.clear()


def test_a_busy_lab_is_told_in_a_line_and_the_picture_stays(page, complaints):
    show(page, SHORT)
    before = page.evaluate(TABLE)
    busy = {"status": 503, "headers": {"Retry-After": "3"}, "json": {"detail": "the lab has too much to do"}}
    page.route("**/api/race", lambda route: route.fulfill(**busy))
    page.get_by_label("Seed of the noise").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator(".error:visible")).to_have_text("the lab has too much to do; try again in 3 s")
    assert page.evaluate(TABLE) == before
    page.unroute("**/api/race")
    page.get_by_role("button", name="Next seed").click()
    expect(page.locator(".error:visible")).to_have_count(0)
    complaints.clear()


def test_a_lab_that_stopped_is_told_and_found_again(page, complaints):
    show(page, SHORT)
    page.route("**/api/**", lambda route: route.abort())
    page.get_by_role("button", name="Next seed").click()
    expect(page.locator("#stopped")).to_contain_text("surefoot lab")
    page.unroute("**/api/**")
    expect(page.locator("#stopped")).to_be_hidden()
    page.wait_for_function("() => location.search.includes('seed=1')")
    expect(page.locator(".error:visible")).to_have_count(0)
    complaints.clear()


def test_an_answer_that_was_superseded_is_not_shown(page):
    show(page, SHORT)
    held = []

    def hold_the_first(route):
        if '"seed":7' in route.request.post_data:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/race", hold_the_first)
    for seed in ("7", "8"):
        page.get_by_label("Seed of the noise").fill(seed)
        page.keyboard.press("Enter")
        page.wait_for_timeout(150)
    page.wait_for_function("() => location.search.includes('seed=8')")
    assert len(held) == 1
    held[0].continue_()  # the page has given it up: nothing may come of it
    page.wait_for_timeout(300)
    assert "seed=8" in page.url


def test_reduced_motion_shows_the_end_and_waits(page):
    page.emulate_media(reduced_motion="reduce")
    show(page, SHORT.removesuffix("&frame=40"))
    expect(page.locator(".count")).to_have_text("40 / 40")
    expect(page.locator(".play")).to_have_text("Play")
    page.locator("[aria-label='One gradient back']").click()
    expect(page.locator(".count")).to_have_text("39 / 40")


def test_racers_come_go_and_are_set(page):
    show(page, SHORT)
    page.get_by_label("Optimizer to add").select_option("RMSprop")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(ROWS)).to_have_count(3)
    page.get_by_role("button", name="Remove SGD").click()
    expect(page.locator(ROWS)).to_have_count(2)
    page.locator(".racers .name").first.click()
    page.locator(".settings").get_by_label("betas").fill("0.5, 0.9")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).first).to_contain_text("betas=(0.5, 0.9)")
    page.wait_for_function("() => location.search.includes('racers=Adam:lr=0.1;betas=(0.5,0.9),RMSprop')")
    page.locator(".settings").get_by_label("betas").fill("half")
    page.keyboard.press("Enter")
    expect(page.locator(".settings .error:visible")).to_contain_text("betas: 2 numbers")
    page.get_by_role("radio", name="tuned rates").check()
    expect(page.locator(".lead")).to_contain_text("best of 25")
    expect(page.locator(".strips svg").first).to_have_attribute("aria-label", re.compile("works"))
    assert race_of(page)["racers"][1]["hyperparameters"] == {"lr": page_rate(page, 1)}


def page_rate(page, row):
    words = page.locator(".settings-told").nth(row).inner_text()
    return float(re.search(r"lr=(\S+)", words)[1])


def test_the_recipe_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, SHORT)
    race = race_of(page)
    for name, text in (("command", race["command"]), ("python", race["snippet"]), ("link", page.url)):
        page.get_by_role("button", name=f"Copy the {name}").click()
        expect(page.locator("#narration")).to_have_text(f"The {name} is in the clipboard")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_downloads_are_what_they_say(page, browser, tmp_path):
    from PIL import Image

    show(page, SHORT)
    files = {}
    for name in ("PNG", "GIF", "HTML page", "JSON"):
        with page.expect_download(timeout=60_000) as coming:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / coming.value.suggested_filename
        coming.value.save_as(files[name])
    with Image.open(files["PNG"]) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 800
        assert len(picture.convert("RGB").getcolors(2**20)) > 100
    with Image.open(files["GIF"]) as film:
        assert film.n_frames > 10
    told = race_of(page)
    assert json.loads(files["JSON"].read_text()) == {
        key: value for key, value in told.items() if key not in ("strokes", "link", "seconds")
    }
    opens_from_disk(browser, files["HTML page"], told)


def opens_from_disk(browser, path, told):
    context = browser.new_context(reduced_motion="no-preference")
    asked, problems = [], []
    page = context.new_page()
    page.on("request", lambda request: request.url.startswith("file:") or asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    expect(page.locator(".play")).to_have_text("Pause")
    page.wait_for_function("() => parseInt(document.querySelector('.count').textContent) > 1")
    page.locator("[aria-label='To the end']").click()
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(told, told["steps"])
    assert page.locator("#scene").evaluate(COLOURS) > 30
    assert (asked, problems) == ([], [])
    context.close()
