"""Answers for tests: the least that one holds, and a strategy for any that can be."""

from __future__ import annotations

from dataclasses import is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from surefoot.study.answer import Answer, CandidateResult, Recommendation, Verdict
from surefoot.study.claims import ABOVE, Claim, Forecast, Relation
from surefoot.study.run import Candidate, Phase

USUAL = Candidate("Adam", {"lr": 0.001})


def small_answer(candidate: Candidate = USUAL, **changes: Any) -> Answer:
    """The least that an answer holds: one candidate, on one seed."""
    settings = candidate.optimizer, candidate.hyperparameters, candidate.schedule
    said: dict[str, Any] = {
        "study": "digits",
        "task": "digits",
        "measure": "validation loss",
        "verdict": Verdict.TIE,
        "sentence": "Use Adam.",
        "recommendation": Recommendation(*settings, snippet="optimizer = …\n"),
        "candidates": (CandidateResult("Adam", *settings, Phase.CONFIRM, (0,), 1.0, (0.1,), 0.001, 8, 0),),
        "runs": 1,
        "seconds": 1.0,
    }
    return Answer(**said | changes)


texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
settings = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
PLAIN = {
    str: texts,
    int: st.integers(-(2**53), 2**53),
    float: st.floats(),  # nan and both infinities among them
    bool: st.booleans(),
    type(None): st.none(),
}


def anything_of(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that a field of this type may have."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return settings
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in (Union, UnionType):
        return st.one_of(*map(anything_of, inner))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(anything_of(inner[0]), max_size=3).map(tuple)
    if kind is Claim:
        return claims
    if kind is Forecast:
        return forecasts
    if is_dataclass(kind):
        return st.builds(kind, **{name: anything_of(hint) for name, hint in get_type_hints(kind).items()})
    if issubclass(origin or kind, Enum):
        return st.sampled_from(kind)
    return st.dictionaries(texts, anything_of(inner[1]), max_size=3)


@st.composite
def _claims(draw: st.DrawFn) -> Claim:
    """Any that does not contradict itself."""
    fields = {name: draw(anything_of(hint)) for name, hint in get_type_hints(Claim).items()}
    low = draw(st.floats(0, 1e9, exclude_min=True))
    if fields["relation"] in ABOVE:
        fields |= {"low": low, "high": 2 * low}
    elif fields["relation"] in (Relation.OPEN, Relation.EQUAL):
        fields |= {"low": 0.0, "high": 0.0}
    return Claim(**fields)


@st.composite
def _forecasts(draw: st.DrawFn) -> Forecast:
    """Any whose interval holds its estimate."""
    fields = {name: draw(anything_of(hint)) for name, hint in get_type_hints(Forecast).items()}
    low, estimate, high = sorted(draw(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3)))
    return Forecast(**fields | {"low": low, "estimate": estimate, "high": high})


claims, forecasts = _claims(), _forecasts()
answers = anything_of(Answer)
