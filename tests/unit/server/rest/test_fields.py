from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.server.rest.fields import apply_mask, parse_mask

pytestmark = pytest.mark.fidelity("http:fields mask", "exact")

RESOURCE = {
    "kind": "k",
    "id": 1,
    "ref": {"a": 1, "b": {"c": 2, "d": 3}},
    "items": [{"id": 1, "x": {"y": 1, "z": 2}}, {"id": 2, "x": {"y": 3}}],
}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("kind", {"kind": "k"}),
        ("kind,id", {"kind": "k", "id": 1}),
        ("ref/b/c", {"ref": {"b": {"c": 2}}}),
        ("ref/a,ref/b/d", {"ref": {"a": 1, "b": {"d": 3}}}),
        ("ref,ref/a", {"ref": {"a": 1, "b": {"c": 2, "d": 3}}}),
        ("items(id)", {"items": [{"id": 1}, {"id": 2}]}),
        ("items(id,x/z)", {"items": [{"id": 1, "x": {"z": 2}}, {"id": 2, "x": {}}]}),
        ("items/x/y", {"items": [{"x": {"y": 1}}, {"x": {"y": 3}}]}),
        ("*", RESOURCE),
        ("ref/*/c", {"ref": {"a": 1, "b": {"c": 2}}}),
        ("missing", {}),
        (" kind , id ", {"kind": "k", "id": 1}),
    ],
)
def test_mask_selects(mask: str, expected: object) -> None:
    assert apply_mask(RESOURCE, parse_mask(mask)) == expected


@pytest.mark.parametrize(
    "mask", ["", "a,", ",a", "a(", "a)", "a(b", "a//b", "a/", "a(b))", "a*b", "a!", "(" * 99]
)
def test_bad_mask_is_an_invalid_field_selection(mask: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_mask(mask)
    assert caught.value.http == 400
    assert caught.value.message.startswith("Invalid field selection")


@settings(deadline=None)
@given(st.text("ab,/()*", max_size=30))
def test_any_text_parses_or_is_refused(mask: str) -> None:
    try:
        parsed = parse_mask(mask)
    except BigQueryError:
        return
    assert apply_mask({"a": {"b": 1}}, parsed) in ({}, {"a": {}}, {"a": {"b": 1}})
