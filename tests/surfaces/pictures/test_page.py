"""An animation as one HTML file: what is in it, and that nothing in it can become anything else."""

import json
import re
from html.parser import HTMLParser

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.study.format import number
from surefoot.surfaces.animation import animate
from surefoot.surfaces.pictures import page
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.pictures.page import page_html
from surefoot.surfaces.recipe import OptimizerSpec, Recipe


class Parts(HTMLParser):
    """The elements of a page, with what they hold."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def having(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


OPTIMIZERS = (OptimizerSpec("Adam"), OptimizerSpec("SGD", {"lr": 1e3}), OptimizerSpec("LBFGS"))


def animation_of(surface="saddle", optimizers=OPTIMIZERS, **changes):
    return animate(Recipe(surface, optimizers, steps=12, **changes), strips=False)


@pytest.fixture(scope="module")
def animation():
    return animation_of()


@pytest.fixture(scope="module")
def parts(animation):
    return Parts(page_html(animation))


def data_of(parts):
    return json.loads(next(text for text in parts.texts["script"] if text.startswith("{")))


def test_the_page_holds_the_animation_that_it_shows(animation, parts):
    held = data_of(parts)
    assert held["animation"] == json.loads(json.dumps(document(animation))) | {
        "strokes": held["animation"]["strokes"]
    }
    assert len(held["animation"]["strokes"]) == len(animation.paths)
    assert held["contours"]["levels"]


def test_the_page_asks_for_nothing(parts):
    names = {name for _, attributes in parts.elements for name in attributes}
    assert not {"src", "href", "srcset", "style"} & names
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in parts.elements}
    assert not re.search(r"@import|url\(", "".join(parts.texts["style"]))


def test_only_what_was_written_into_the_page_may_run(parts):
    metas = parts.having("meta")
    policy = next(meta["content"] for meta in metas if meta.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    script = next(text for text in parts.texts["script"] if not text.startswith("{"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'{page._hash(script)}'"
    assert rules["style-src"] == f"'{page._hash(''.join(parts.texts['style']))}'"


def test_the_end_of_the_animation_is_told_without_a_script(animation, parts):
    cells = [text.strip() for text in parts.texts["td"]]
    for path in animation.paths:
        assert number(path.values[-1]) in cells
    assert any(cell.startswith("diverged: ") for cell in cells)


def test_the_recipe_stands_in_the_page(animation, parts):
    told = document(animation)
    assert told["command"] in parts.texts["pre"]
    assert "".join(parts.texts["pre"]).endswith(told["snippet"])
    assert "Same start, 12 gradient evaluations" in "".join(parts.texts["p"])


def test_a_surface_without_values_has_a_page_too():
    html = page_html(animation_of("sqrt(x) + y^2", OPTIMIZERS[:2], start=(0.5, 1.0)))
    assert "sqrt(x) + y^2" in html


@settings(max_examples=30, deadline=None)
@given(text=st.text(st.sampled_from("<>&\"'/!-\u2028\u2029 scriptx"), max_size=30))
def test_no_text_ends_the_data_or_is_lost(animation, text):
    told = document(animation)
    told["surface"]["name"] = text
    written = page._data(animation, told)
    assert written.isascii()
    assert not set("<>&") & set(written)
    assert json.loads(written)["animation"]["surface"]["name"] == text


def test_every_module_stands_after_those_that_it_needs(monkeypatch):
    monkeypatch.setattr(page, "MODULES", ("animation", "ground", "marks"))
    page._script.cache_clear()
    with pytest.raises(RuntimeError, match=r"animation\.js imports ground, marks"):
        page._script()
    page._script.cache_clear()


@pytest.mark.parametrize("text", ["</script>", "</SCRIPT", "<!-- x"])
def test_a_file_that_would_end_its_element_is_refused(text):
    with pytest.raises(RuntimeError, match="would end"):
        page._closed(text, "script")


def test_the_same_animation_gives_the_same_page(animation):
    torch.manual_seed(7)
    assert page_html(animation) == page_html(animation_of())
