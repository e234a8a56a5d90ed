"""The playground in a real browser: what it shows is what the API gave, and everybody can work it."""

import re

import pytest

from surefoot.study.format import number
from tests.lab.animated_pages import (
    COLOURS,
    ROWS,
    SHORT,
    STILL,
    TABLE,
    animation_of,
    body_of,
    rows_of,
    settled,
    show,
)

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_visitor_sees_an_animation_that_moves(page):
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
    animation = animation_of(page)
    assert len({path["optimizer"] for path in animation["paths"]}) == 3
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(animation, frame)


def test_divergence_is_named(page):
    show(page, f"{STILL}&frame=60")
    animation = animation_of(page)
    assert animation["paths"][4]["end"].startswith("diverged: ")
    last = animation["paths"][4]["evaluations"][-1]
    expect(page.locator(ROWS).nth(4)).to_contain_text(f"diverged after {last}")
    expect(page.locator(".why").nth(4)).to_have_text(animation["paths"][4]["end"].removeprefix("diverged: "))
    expect(page.locator(".outcome")).to_contain_text(f"diverged after {last}")
    expect(page.locator("#narration")).to_contain_text(f"diverged after {last}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_anybodys_way(page, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    show(page, f"{SHORT}&selected=1&view=strips")
    page.wait_for_selector(".inspector tbody")
    page.locator(".optimizer-list .name").first.click()
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in grave] == []


def test_the_keyboard_is_enough(page):
    show(page, SHORT)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className").startswith("handle"):
            break
    start = animation_of(page)["start"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("() => location.search.includes('start=')")
    moved = animation_of(page)["start"]
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
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(animation_of(page), 1)
    page.get_by_label("Noise on the gradient", exact=True).focus()
    for _ in range(90):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => /noise=[0-9.]+/.test(location.search)")
    page.get_by_label("Seed of the noise").fill("5")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('seed=5')")
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(animation_of(page), 1)


def test_a_click_puts_the_start_there(page):
    show(page, SHORT)
    canvas = page.locator("canvas.picture")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_function("() => location.search.includes('start=')")
    x, y = animation_of(page)["start"]
    assert 0.5 < x < 1.2
    assert 0.6 < y < 1.2
    assert [row[:2] for row in page.evaluate(TABLE)] == rows_of(animation_of(page), 40)


def test_a_room_is_announced_by_its_heading(page):
    show(page, SHORT)
    page.get_by_role("link", name="Optimizers", exact=True).click()
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")
    page.go_back()
    page.wait_for_selector(ROWS)
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")


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
    x, y = animation_of(phone)["start"]
    assert -1.3 < x < -0.5
    assert 0.4 < y < 1.2
    assert [row[:2] for row in phone.evaluate(TABLE)] == rows_of(animation_of(phone), 40)


def test_the_inspector_tells_what_the_api_gave(page):
    show(page, f"{STILL}&frame=11&selected=2")
    expect(page.locator(".inspector h2")).to_have_text("Adam, step 12 of 60")
    asked = {"recipe": body_of(page.url), "path": 2, "step": 11}
    seen = page.request.post("/api/inspect", data=asked).json()
    cells = page.locator(".inspector td.n").all_inner_texts()
    wanted = [*seen["point"], seen["value"], *seen["gradient"], *seen["update"], *seen["effective_lr"]]
    assert cells[: len(wanted)] == [number(value) for value in wanted]
    assert set(seen["state"]) <= set(page.locator(".inspector code").all_inner_texts())
    page.locator("body").press("ArrowLeft")
    expect(page.locator(".inspector h2")).to_have_text("Adam, step 11 of 60")


def test_reduced_motion_shows_the_end_and_waits(page):
    page.emulate_media(reduced_motion="reduce")
    show(page, SHORT.removesuffix("&frame=40"))
    expect(page.locator(".count")).to_have_text("40 / 40")
    expect(page.locator(".play")).to_have_text("Play")
    page.locator("[aria-label='One gradient back']").click()
    expect(page.locator(".count")).to_have_text("39 / 40")


def test_optimizers_come_go_and_are_set(page):
    show(page, SHORT)
    page.get_by_label("Optimizer to add").select_option("RMSprop")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(ROWS)).to_have_count(3)
    page.get_by_role("button", name="Remove SGD").click()
    expect(page.locator(ROWS)).to_have_count(2)
    page.locator(".optimizer-list .name").first.click()
    page.locator(".settings").get_by_label("betas").fill("0.5, 0.9")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).first).to_contain_text("betas=(0.5, 0.9)")
    page.wait_for_function("() => location.search.includes('optimizers=Adam:lr=0.1;betas=(0.5,0.9),RMSprop')")
    page.locator(".settings").get_by_label("betas").fill("half")
    page.keyboard.press("Enter")
    expect(page.locator(".settings .error:visible")).to_contain_text("betas: 2 numbers")
    page.get_by_role("radio", name="tuned rates").check()
    expect(page.locator(".lead")).to_contain_text("best of 25")
    expect(page.locator(".strips svg").first).to_have_attribute("aria-label", re.compile("works"))
    assert animation_of(page)["paths"][1]["hyperparameters"] == {"lr": page_rate(page, 1)}


def test_a_word_is_picked_and_one_momentum_is_set_for_all(page):
    show(page, SHORT.replace("Adam:lr=0.1,SGD:lr=0.05", "Muon,Adam"))
    page.locator(".optimizer-list .name").first.click()
    page.locator(".settings").get_by_label("adjust_lr_fn").select_option("match_rms_adamw")
    expect(page.locator(ROWS).first).to_contain_text("adjust_lr_fn=match_rms_adamw")
    every = page.get_by_label("Momentum, or first beta, of all, as a number")
    every.fill("0.5")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).first).to_contain_text("momentum=0.5")
    expect(page.locator(ROWS).last).to_contain_text("betas=(0.5, 0.999)")
    expect(every).to_have_value("0.5")


def page_rate(page, row):
    words = page.locator(".settings-told").nth(row).inner_text()
    return float(re.search(r"lr=(\S+)", words)[1])
