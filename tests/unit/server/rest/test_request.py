from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.identity import Caller
from bqsim.server.rest.request import Request, parse_json, parse_query, split_target


def request(**query: str) -> Request:
    core: object = None
    return Request(core, "m", {}, query, {}, Caller("a@b.c"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a/b?x=1", ("/a/b", "x=1")),
        ("/a", ("/a", "")),
        ("http://host:1/a/b?x=1?y", ("/a/b", "x=1?y")),
        ("http://host", ("/", "")),
        ("*", ("/", "")),
    ],
)
def test_split_target(target: str, expected: tuple[str, str]) -> None:
    assert split_target(target) == expected


def test_last_of_repeated_parameters_wins_but_state_filters_add_up() -> None:
    assert parse_query("a=1&a=2&b=&stateFilter=done&stateFilter=running") == {
        "a": "2",
        "b": "",
        "stateFilter": "done,running",
    }


def test_broken_percent_encoding_is_text() -> None:
    assert parse_query("a=%zz&b=%ff") == {"a": "%zz", "b": "\ufffd"}


@pytest.mark.parametrize("text", ["True", "true", "1"])
def test_flag_spellings(text: str) -> None:
    assert request(all=text).flag("all") is True


def test_bad_flag_and_number_are_400() -> None:
    for read in (lambda: request(x="maybe").flag("x"), lambda: request(x="1e3").integer("x")):
        with pytest.raises(BigQueryError) as caught:
            read()
        assert caught.value.http == 400


def test_numbers_have_bounds() -> None:
    assert request(maxResults="0").integer("maxResults") == 0
    assert request().integer("maxResults") is None
    with pytest.raises(BigQueryError):
        request(maxResults="-1").integer("maxResults")
    with pytest.raises(BigQueryError):
        request(maxResults="9223372036854775808").integer("maxResults")


def test_json_object_is_read() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert parse_json(b"") == {}
    assert parse_json(rb'{"a": "\ud83d\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"1",
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"\xff{}",
        rb'{"a": "\ud800"}',
        b'{"a":' + b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a" 1}',
    ],
)
def test_what_is_no_json_object_is_a_parse_error(data: bytes) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_json(data)
    assert (caught.value.http, caught.value.reason.name) == (400, "parseError")
    assert caught.value.message.startswith("Invalid JSON payload received.")
