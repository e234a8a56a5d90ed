"""Addresses in one compiled call: the same numbers, and whatever has no address is left to torch's error."""

from __future__ import annotations

import weakref
from array import array

import pytest
import torch

from surefoot.formula import gather, memory
from surefoot.formula.gather import gatherer
from surefoot.formula.memory import MANY, addresses

pytestmark = pytest.mark.skipif(gatherer() is None, reason="torch's function or the C++ library is not here")


def tensors(count):
    base = torch.randn(count + 1)
    return tuple(base[i:] for i in range(count))


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, 3000])
def test_they_are_those_of_data_ptr(count):
    given = tensors(count)
    expected = array("q", [t.data_ptr() for t in given])
    assert gatherer()(given) == addresses(given) == expected


def test_parameters_and_tensors_without_memory():
    freed = torch.randn(4)
    freed.untyped_storage().resize_(0)
    given = torch.nn.Parameter(torch.randn(3)), torch.empty(0), freed
    assert list(gatherer()(given)) == [given[0].data_ptr(), 0, 0]


def test_what_torch_throws_is_torch_s_error():
    given = tensors(MANY)
    torch._C._set_throw_on_mutable_data_ptr(given[7])  # they share one storage, from here on forbidden
    assert gatherer()(given) is None
    with pytest.raises(RuntimeError, match="Cannot access data pointer"):
        addresses(given)


@pytest.mark.parametrize("odd", [None, 3, object()])
def test_what_is_no_tensor_is_an_error(odd):
    given = (*tensors(MANY), odd)
    assert gatherer()(given) is None
    with pytest.raises(TypeError):
        addresses(given)


def test_it_keeps_no_tensor():
    given = tuple(torch.randn(2) for _ in range(MANY))
    left = [weakref.ref(t) for t in given]
    for _ in range(3):
        gatherer()(given)
    del given
    assert not any(reference() is not None for reference in left)


def test_without_it_addresses_are_the_same(monkeypatch):
    given = tensors(2 * MANY)
    expected = addresses(given)
    monkeypatch.setattr(memory, "_gatherer", lambda: None)
    assert addresses(given) == expected


@pytest.fixture
def anew():
    gatherer.cache_clear()
    yield
    gatherer.cache_clear()


def test_a_torch_that_lacks_the_function_is_no_error(monkeypatch, anew):
    monkeypatch.delattr(torch._C._dynamo.guards, gather.DATA_PTR)
    assert gatherer() is None


def test_a_call_that_finds_other_addresses_is_not_used(monkeypatch, anew):
    wrong = gather.Gatherer(lambda tensors, found, count: count, None)
    monkeypatch.setattr(gather, "_compiled", lambda: wrong)
    assert gatherer() is None
