"""The Studies room in a real browser: it shows the report's sections, and keeps up with the store."""

import json
from dataclasses import replace
from urllib.request import urlopen

import pytest

from surefoot.report import answer_lines as lines
from surefoot.report import landscape_words as words
from surefoot.store.store import Store
from surefoot.study.decisions import Piloted
from surefoot.study.run import Candidate, Phase, Point
from surefoot.study.strict_json import without_nan
from tests.lab.conftest import fill
from tests.report.reading import tables
from tests.report.sample_landscape import sample_landscape
from tests.report.sample_study import HOSTILE, hostile_question, sample_study

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

SERIOUS = ("serious", "critical")
ADDRESS = "/page.html"


@pytest.fixture(scope="module", autouse=True)
def awake(lab):
    """The first answer waits for the lab's workers, which import much; on a busy machine that takes long."""
    with urlopen(f"{lab.url}/api/studies", timeout=120) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def more(lab):
    """More studies in the lab's store: one whose texts are hostile, and one in which all failed."""
    study = sample_study(seed=2)
    evil = f"</script>{HOSTILE}'\"/../?#%"
    answer = replace(study.answer, sentence=f"{evil}. {evil}", why=(evil,), measure=evil)
    odd = replace(study, question=hostile_question(evil), answer=answer)
    lost = tuple(run for run in study.runs if run.lost and run.optimizer == "Rprop")
    failed = replace(
        study, question=replace(study.question, study="all-failed"), answer=None, runs=lost, decisions=()
    )
    fill(lab.store, odd, failed)
    return {"hostile": evil, "failed": failed.name}


def told(page, path):
    """What the API says, asked as the page asks."""
    return page.evaluate("async path => (await fetch(path)).json()", path)


def report_of(lab, name):
    """The tables of the study's report."""
    with urlopen(f"{lab.url}/api/studies/{name}/report.html", timeout=120) as answer:
        return tables(answer.read().decode())


def opened(page, name, query=""):
    page.goto(f"/studies/{name}{query}")
    page.locator(".study .recipe").wait_for()


def cells(page, table):
    """The rows of a table that are shown, as lists of texts, white space made even."""
    rows = page.locator(f"table.{table} tbody tr:not([hidden])").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim().replace(/\\s+/g, ' ')))"
    )
    assert rows
    return rows


def findings(page):
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return {f["id"]: [node["html"][:200] for node in f["nodes"]] for f in found if f["impact"] in SERIOUS}


def test_the_list_tells_every_study_the_newest_first_and_finds(page, lab, more):
    page.goto("/studies")
    page.locator("table.studies").wait_for()
    listed = told(page, "/api/studies")["studies"]
    rows = cells(page, "studies")
    assert [row[0] for row in rows] == [study["name"] for study in reversed(listed)]
    assert {row[0]: row[3] for row in rows} == {study["name"]: f"{study['runs']:,}" for study in listed}
    page.get_by_label("Find by name, task or verdict").fill("unfinished still")
    assert [row[0] for row in cells(page, "studies")] == [lab.unfinished]
    assert "q=unfinished+still" in page.url
    page.reload()
    page.locator("table.studies").wait_for()
    assert [row[0] for row in cells(page, "studies")] == [lab.unfinished]
    page.get_by_role("link", name=lab.unfinished).press("Enter")
    page.locator(".crumbs", has_text=lab.unfinished).wait_for()
    page.get_by_role("heading", name="No answer yet").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_every_number_of_a_study_is_the_reports(page, lab):
    opened(page, lab.finished)
    report = report_of(lab, lab.finished)
    with Store.at(lab.store) as store:
        answer = store.study(lab.finished).answer
    assert page.locator("header .badge").text_content() == "Win"
    assert page.locator("h1").text_content() == lines.use(answer)
    assert page.locator(".answer pre").first.text_content() == answer.recommendation.snippet
    for kind in ("results", "race", "curves", "lookings", "settings"):
        assert cells(page, kind) == report[kind][0][1:], kind
    assert cells(page, "failures") == report["failures"][0][:0:-1]
    page.locator("summary", has_text="Adam in numbers").first.click()
    shown = page.locator(".numbers[open] td").all_text_contents()
    assert shown == [cell for row in report["rates"][0][1:] for cell in row[1:]]


def test_figures_are_drawn_in_the_pages_colours_and_have_names(page, lab):
    opened(page, lab.finished)
    forest = page.get_by_role("img", name="Confirmed candidates against the baseline")
    forest.wait_for()
    assert forest.locator("path").count() > 10
    assert forest.locator("style, script, foreignObject").count() == 0
    colour = "() => getComputedStyle(document.querySelector('[data-figure*=forest] text')).fill"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light


def test_a_landscape_appears_once_it_is_drawn(page, lab):
    study = sample_study(seed=5)
    name = "has-a-landscape"
    fill(lab.store, replace(study, question=replace(study.question, study=name)))
    opened(page, name)
    section = page.locator("details[data-key=landscape]")
    assert section.locator("pre").text_content() == f"surefoot landscape {name}"
    with Store.at(lab.store) as store:
        store.keep(name, "landscape", sample_landscape())
    opened(page, name)
    assert section.locator("> p").first.text_content() == words.summary(sample_landscape())
    assert cells(page, "projections") == report_of(lab, name)["projections"][0][1:]
    section.scroll_into_view_if_needed()
    for title in words.TITLES.values():
        section.get_by_role("img", name=title, exact=True).locator("path").first.wait_for(state="attached")


ODD_SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
onload="hit=1"><script>hit=1</script><a href="javascript:1"><text>no</text></a><animate attributeName="d"/>
<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>
<image href="https://example.org/x.png"/><use xlink:href="https://example.org/y#z"/><use xlink:href="#ok"/>
<path id="ok" d="M0 0" onclick="hit=1" fill="url(https://example.org/z)" stroke="var(--ink)"/>
<text>&lt;b&gt;</text></svg>"""


def test_only_drawings_come_out_of_an_svg(page, complaints):
    page.goto("/studies")
    made = page.evaluate(
        """async odd => {
          const { drawing } = await import("/static/svg.js");
          let refused = "";
          try { drawing("<html/>"); } catch (error) { refused = error.message; }
          return { html: document.body.appendChild(drawing(odd)).outerHTML, hit: window.hit ?? 0, refused };
        }""",
        ODD_SVG,
    )
    assert made["hit"] == 0
    assert "no figure" in made["refused"]
    for gone in ("script", "javascript", "foreignObject", "iframe", "animate", "example.org", "onclick"):
        assert gone not in made["html"]
    for kept in ('href="#ok"', "var(--ink)", "&lt;b&gt;"):
        assert kept in made["html"]
    assert all("Content Security Policy" in complaint for complaint in complaints)
    complaints.clear()  # the browser has told of what it did not run


def test_hostile_text_stays_text(page, lab, more):
    page.goto("/studies")
    page.get_by_role("link", name=more["hostile"]).click()
    page.locator(".study .recipe").wait_for()
    assert more["hostile"] in page.locator("main").text_content()
    assert more["hostile"] in page.locator(".crumbs").text_content()
    assert HOSTILE in page.locator("table.race").text_content()
    assert page.locator("main script, main iframe, main [onerror]").count() == 0
    python = page.get_by_label("the Python snippet", exact=True).text_content()
    assert f"study = store.study({more['hostile']!r})" in python


def test_a_study_without_a_good_run_says_what_its_runs_said(page, lab, more):
    opened(page, more["failed"])
    assert "No run succeeded" in page.locator(".banner").text_content()
    assert HOSTILE in page.locator("table.failures").text_content()
    assert page.locator("table.results").count() == 0


MARK = """() => {
  scrollTo(0, 150);
  const rows = ["table.race tbody tr", "table.decisions tbody tr:last-child"];
  window.marked = [...rows.map(row => document.querySelector(row)), document.activeElement];
}"""
KEPT = """() => {
  const kept = window.marked.map(node => node.isConnected);
  return [...kept, document.activeElement === window.marked[2], scrollY];
}"""


def test_the_page_follows_a_study_until_its_answer_without_a_reload(page, lab):
    study = sample_study(seed=3)
    name = "grows"
    begun = replace(
        study,
        question=replace(study.question, study=name),
        answer=None,
        runs=study.runs[:8],
        decisions=study.decisions[:3],
    )
    fill(lab.store, begun)
    opened(page, name)
    page.locator("summary", has_text="To reproduce").click()
    page.get_by_label("Find in these decisions").fill("is")
    page.evaluate(MARK)
    before = len(cells(page, "decisions"))
    with Store.at(lab.store) as store:
        log = store.begin(replace(study.question, study=name), study.profile, study.environment)
        log.decide(Piloted("A decision that is new."), 9.0)
        run = log.start_run(Candidate("Lion", {"lr": 3e-4}), 0, Phase.SCREEN)
        log.add_point(run, Point(1 / 27, 1.0, 0.5))
        page.locator("table.decisions", has_text="A decision that is new.").wait_for()
        page.locator("table.race tr", has_text="Lion").wait_for()
        assert len(cells(page, "decisions")) == before + 1
        page.locator("#narration", has_text="1 new decision").wait_for(state="attached")
        assert page.evaluate(KEPT) == [True, True, True, True, 150]
        assert page.locator("details[data-key=reproduce]").evaluate("details => details.open")
        log.finish(study.answer)
    page.locator("header .badge", has_text="Win").wait_for()
    assert page.locator("h1").text_content() == lines.use(study.answer)
    assert "no longer asks" in page.locator(".age").text_content()


def test_an_unchanged_study_is_not_sent_again_and_a_hidden_page_does_not_ask(page, lab):
    asked = []
    page.on("response", lambda answer: answer.url.endswith(ADDRESS) and asked.append(answer.status))
    opened(page, lab.unfinished)
    address = f"/api/studies/{lab.unfinished}{ADDRESS}"
    tag = page.evaluate("async path => (await fetch(path)).headers.get('etag')", address)
    again = page.evaluate(
        "async ([path, tag]) => (await fetch(path, { headers: { 'If-None-Match': tag } })).status",
        [address, tag],
    )
    assert again == 304
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    page.wait_for_timeout(300)
    before = len(asked)
    page.wait_for_timeout(2600)
    assert len(asked) == before
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(600)
    assert len(asked) == before + 1


def test_the_page_goes_on_when_the_lab_is_back(page, lab, complaints):
    study = sample_study(seed=4)
    going = replace(
        study,
        question=replace(study.question, study="outlives-the-lab"),
        answer=None,
        runs=study.runs[:4],
        decisions=(),
    )
    fill(lab.store, going)
    opened(page, going.name)
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.locator(".age", has_text="the lab does not answer. Trying again.").wait_for()
    page.locator("#stopped", has_text="surefoot lab").wait_for()
    with Store.at(lab.store) as store:
        log = store.begin(going.question, going.profile, going.environment)
        log.decide(Piloted("Written while the lab was away."), 9.0)
    page.unroute("**/api/**")
    page.locator("table.decisions", has_text="Written while the lab was away.").wait_for()
    assert page.locator("#stopped").is_hidden()
    assert all("ERR_CONNECTION_REFUSED" in complaint for complaint in complaints)
    complaints.clear()


def test_a_link_gives_the_same_view(page, lab):
    opened(page, lab.finished)
    page.locator("details[data-key=rates] > summary").click()
    page.locator("details[data-key=decisions] > summary").click()
    page.get_by_label("Find in these decisions").fill("Adam")
    page.locator("table.race th button", has_text="optimizer").click()
    page.wait_for_function("location.search.includes('open=') && location.search.includes('sort=name')")
    names, log = [row[0] for row in cells(page, "race")], cells(page, "decisions")
    assert all("adam" in " ".join(row).lower() for row in log)
    assert names == sorted(names, key=str.lower)
    assert page.locator("table.race th[aria-sort=ascending]").text_content().startswith("optimizer")
    page.goto(page.url)
    page.locator(".study .recipe").wait_for()
    assert [row[0] for row in cells(page, "race")] == names
    assert cells(page, "decisions") == log
    state = "details => Object.fromEntries(details.map(each => [each.dataset.key, each.open]))"
    open_now = page.locator("details.section").evaluate_all(state)
    assert (open_now["rates"], open_now["decisions"], open_now["race"]) == (False, True, True)


def test_downloads_are_what_the_store_holds(page, lab, tmp_path):
    opened(page, lab.finished)
    with page.expect_download() as caught:
        page.get_by_role("link", name="Answer (JSON)").click()
    caught.value.save_as(tmp_path / "answer.json")
    with Store.at(lab.store) as store:
        answer = store.study(lab.finished).answer
    assert json.loads((tmp_path / "answer.json").read_text()) == without_nan(answer.to_document())
    with page.expect_download() as caught:
        page.get_by_role("link", name="Report (HTML)").click()
    caught.value.save_as(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()
    assert report.startswith("<!DOCTYPE html>")
    assert answer.recommendation.snippet.splitlines()[0] in report


@pytest.mark.parametrize(
    ("path", "schemes"),
    [
        ("/studies", ["light", "dark"]),
        ("/studies/{finished}", ["light", "dark"]),
        ("/studies/{unfinished}", ["dark"]),
    ],
)
def test_nobody_is_kept_out(page, lab, path, schemes):
    page.goto(path.format(finished=lab.finished, unfinished=lab.unfinished))
    page.locator("table").first.wait_for()
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == {}


@pytest.mark.parametrize("path", ["/studies", "/studies/{finished}", "/studies/{unfinished}"])
def test_a_phone_scrolls_tables_but_never_the_page(phone, lab, path):
    phone.goto(path.format(finished=lab.finished, unfinished=lab.unfinished))
    phone.locator("table").first.wait_for()
    while (closed := phone.locator("details.section:not([open]) > summary")).count():
        closed.first.tap()
    width = phone.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] == width[1] == 390
    assert findings(phone) == {}


NAME = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


def test_everything_is_reached_by_the_keyboard(page, lab):
    opened(page, lab.finished)
    page.locator("h1").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(NAME))
    assert "Copy the code of the answer" in reached
    assert "The race as it happened" in [label.strip() for label in reached]
    assert any(label.startswith("The race: candidates") for label in reached)  # a table that scrolls
    page.locator("details[data-key=race] > summary").focus()
    page.keyboard.press("Enter")
    assert not page.locator("details[data-key=race]").evaluate("details => details.open")
