"""Schemas: from the API and back, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqclient import Field, Schema
from bqclient.errors import UsageError
from bqclient.models.schema import ALIASES, MODES, TYPES

_NAMES = st.text("abcXYZ_019", min_size=1, max_size=8)
_PLAIN = st.fixed_dictionaries(
    {
        "name": _NAMES,
        "type": st.sampled_from(sorted(TYPES - {"STRUCT", "RANGE"})),
        "mode": st.sampled_from(MODES),
    },
    optional={
        "description": st.text(max_size=5),
        "maxLength": st.integers(1, 99).map(str),
        "precision": st.integers(1, 38).map(str),
        "scale": st.integers(0, 9).map(str),
        "defaultValueExpression": st.just("1"),
        "policyTags": st.just({"names": ["t"]}),
        "collation": st.just("und:ci"),
    },
)
_RANGES = st.fixed_dictionaries(
    {
        "name": _NAMES,
        "type": st.just("RANGE"),
        "mode": st.just("NULLABLE"),
        "rangeElementType": st.just({"type": "DATE"}),
    }
)


def _structs(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "name": _NAMES,
            "type": st.just("STRUCT"),
            "mode": st.sampled_from(MODES),
            "fields": st.lists(inner, min_size=1, max_size=3),
        }
    )


_FIELDS = st.recursive(_PLAIN | _RANGES, _structs, max_leaves=6)


@given(st.lists(_FIELDS, max_size=4))
def test_the_apis_form_survives(fields: list[dict[str, Any]]) -> None:
    schema = Schema.from_api({"fields": fields})
    assert schema.to_api() == {"fields": fields}
    assert Schema.from_api(schema.to_api()) == schema
    assert schema.names == tuple(f["name"] for f in fields)


@pytest.mark.parametrize(("spelled", "name"), ALIASES.items())
def test_types_have_one_name(spelled: str, name: str) -> None:
    assert Field("a", spelled.lower()).type == name


def test_what_is_not_a_field_is_refused() -> None:
    with pytest.raises(UsageError, match="Field a has the unknown type TEXT"):
        Field("a", "text")
    with pytest.raises(UsageError, match="unknown mode OPTIONAL"):
        Field("a", "STRING", "optional")


def test_what_is_as_usual_is_not_told() -> None:
    assert repr(Field("a", "INTEGER")) == "Field('a', 'INT64')"
    nested = Field("a", "RECORD", "repeated", (Field("b", "STRING", description="d"),))
    assert (
        repr(nested)
        == "Field('a', 'STRUCT', mode='REPEATED', fields=(Field('b', 'STRING', description='d'),))"
    )
