from __future__ import annotations

import pytest

from bqsim.engine.external import JAVASCRIPT, Argument, Function
from bqsim.engine.external.functions import Registry
from bqsim.errors import Internal
from bqsim.types import INT64, STRING, array_of


def test_a_signature_names_the_types() -> None:
    function = Function(JAVASCRIPT, (Argument("a", INT64), Argument("b", array_of(STRING))), INT64)
    assert function.signature == "INT64, ARRAY<STRING>"


def test_a_registry_forgets_what_was_used_longest_ago() -> None:
    registry: Registry[str] = Registry(2, 1000)
    a, b = registry.put("a"), registry.put("b")
    assert registry.put("a") == a
    c = registry.put("c")
    assert (registry.get(a), registry.get(c)) == ("a", "c")
    with pytest.raises(Internal):
        registry.get(b)


def test_a_registry_is_bounded_by_size() -> None:
    registry: Registry[str] = Registry(100, 50)
    first = registry.put("x" * 40)
    last = registry.put("y" * 40)
    assert registry.get(last) == "y" * 40
    with pytest.raises(Internal):
        registry.get(first)
