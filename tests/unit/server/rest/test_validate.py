from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.server.rest.schemas import MESSAGES, SCALARS, message
from bqsim.server.rest.validate import validate

pytestmark = pytest.mark.fidelity("http:bad bodies", "exact")


def test_every_type_in_the_table_exists() -> None:
    for name in MESSAGES:
        for field in message(name).values():
            assert field.type in SCALARS or field.type in MESSAGES, (name, field)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("QueryRequest", {"maxResults": "5", "dryRun": "true"}, {"maxResults": 5, "dryRun": True}),
        ("Dataset", {"defaultTableExpirationMs": 3600000}, {"defaultTableExpirationMs": "3600000"}),
        ("Dataset", {"labels": {"a": None, "b": "c"}}, {"labels": {"a": None, "b": "c"}}),
        ("Dataset", {"unknownThing": [1, {}]}, {"unknownThing": [1, {}]}),
        ("Dataset", {"description": None}, {"description": None}),
        (
            "QueryRequest",
            {"queryParameters": [{"parameterValue": {"value": 5}}]},
            {"queryParameters": [{"parameterValue": {"value": "5"}}]},
        ),
    ],
)
def test_accepted_spellings_become_the_apis_own(
    name: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert validate(body, name) == expected


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("QueryRequest", {"query": 5}, "Invalid value at 'query_request.query' (TYPE_STRING), 5"),
        (
            "QueryRequest",
            {"maxResults": -1},
            "Invalid value at 'query_request.max_results' (TYPE_UINT32), -1",
        ),
        ("QueryRequest", {"dryRun": "yes"}, "Invalid value at 'query_request.dry_run' (TYPE_BOOL), \"yes\""),
        ("QueryRequest", {"queryParameters": {}}, "Invalid value at 'query_request.query_parameters'"),
        ("QueryRequest", {"queryParameters": [5]}, "Invalid value at 'query_request.query_parameters[0]'"),
        ("Dataset", {"datasetReference": []}, "Invalid value at 'dataset.dataset_reference'"),
        ("Dataset", {"labels": ["a"]}, "Invalid value at 'dataset.labels'"),
        ("Dataset", {"labels": {"a": 1}}, "Invalid value at 'dataset.labels[a]' (TYPE_STRING), 1"),
        ("Table", {"schema": {"fields": ["x"]}}, "Invalid value at 'table.schema.fields[0]'"),
        ("Table", {"expirationTime": 1 << 70}, "Invalid value at 'table.expiration_time' (TYPE_INT64)"),
        ("Table", {"expirationTime": True}, "Invalid value at 'table.expiration_time' (TYPE_INT64), true"),
    ],
)
def test_wrong_types_are_named(name: str, body: dict[str, Any], text: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        validate(body, name)
    assert caught.value.http == 400
    assert caught.value.message.startswith(text)


def test_endless_nesting_is_refused() -> None:
    body: dict[str, Any] = {}
    inner = body
    for _ in range(200):
        inner["fields"] = [{}]
        inner = inner["fields"][0]
    with pytest.raises(BigQueryError):
        validate({"schema": body}, "Table")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_any_body_passes_with_promised_types_or_is_400(name: str, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(message(name)) or ["x"])
    body = data.draw(st.dictionaries(names, json_values, max_size=4))
    try:
        checked = validate(body, name)
    except BigQueryError as error:
        assert error.http == 400
        return
    for key, value in checked.items():
        field = message(name)[key]
        if value is None or field.type == "any":
            continue
        if field.shape == "[]":
            assert isinstance(value, list)
        elif field.shape == "{}" or field.type in MESSAGES:
            assert isinstance(value, dict)
        elif field.type in ("int64", "uint64", "string", "text"):
            assert isinstance(value, str)
