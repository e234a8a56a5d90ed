"""What leaves the playground and what goes wrong in it: links, files, hostile text, a lab that is gone."""

import json

import pytest

from tests.lab.animated_pages import COLOURS, ROWS, SHORT, STILL, TABLE, animation_of, rows_of, settled, show

expect = pytest.importorskip("playwright.sync_api").expect


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


def test_a_formula_is_text_and_a_wrong_one_is_told(page, complaints):
    show(page, SHORT)
    page.on("dialog", lambda dialog: pytest.fail("a formula ran as a script"))
    page.get_by_label("Surface", exact=True).select_option("own formula")
    field = page.get_by_label("Formula of x and y")
    expect(field).to_have_value("x^2 - y^2 + y^4/4")
    expect(page.locator("h1")).to_have_text("Two optimizers, one start: x^2 - y^2 + y^4/4")
    before = page.evaluate(TABLE)
    field.fill("<img src=x onerror=alert(1)>")
    expect(page.locator(".formula .error")).to_contain_text("<img src=x onerror=alert(1)>")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.evaluate(TABLE) == before
    assert page.locator("img").count() == 0
    field.fill("x^2 + 3 y^2")
    expect(page.locator("h1")).to_have_text("Two optimizers, one start: x^2 + 3 y^2")
    expect(page.locator(".formula .error")).to_be_hidden()
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(animation_of(page), 40)
    complaints[:] = [text for text in complaints if "422" not in text]  # asked for twice


@pytest.mark.parametrize(
    "link",
    [
        "surface=%3Cscript%3Ealert(1)%3C/script%3E&optimizers=Adam",
        "surface=beale&optimizers=%3Cb%3E",
        "steps=<i>",
    ],
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
    page.route("**/api/animate", lambda route: route.fulfill(**busy))
    page.get_by_label("Seed of the noise").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator(".error:visible")).to_have_text("the lab has too much to do; try again in 3 s")
    assert page.evaluate(TABLE) == before
    page.unroute("**/api/animate")
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

    page.route("**/api/animate", hold_the_first)
    for seed in ("7", "8"):
        page.get_by_label("Seed of the noise").fill(seed)
        page.keyboard.press("Enter")
        page.wait_for_timeout(150)
    page.wait_for_function("() => location.search.includes('seed=8')")
    assert len(held) == 1
    held[0].continue_()  # the page has given it up: nothing may come of it
    page.wait_for_timeout(300)
    assert "seed=8" in page.url


def test_the_recipe_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, SHORT)
    animation = animation_of(page)
    for name, text in (
        ("command", animation["command"]),
        ("python", animation["snippet"]),
        ("link", page.url),
    ):
        page.get_by_role("button", name=f"Copy the {name}").click()
        expect(page.locator("#narration")).to_have_text(f"The {name} is in the clipboard")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_downloads_are_what_they_say(page, browser, tmp_path):
    from PIL import Image

    show(page, SHORT)
    files = {}
    for name in ("PNG", "GIF", "HTML page", "JSON"):
        with page.expect_download() as coming:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / coming.value.suggested_filename
        coming.value.save_as(files[name])
    with Image.open(files["PNG"]) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 800
        assert len(picture.convert("RGB").getcolors(2**20)) > 100
    with Image.open(files["GIF"]) as film:
        assert film.n_frames > 10
    told = animation_of(page)
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
