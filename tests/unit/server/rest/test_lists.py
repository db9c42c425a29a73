from __future__ import annotations

import base64

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.identity import Caller
from bqsim.server.rest.lists import decode_token, encode_token, label_filter, page
from bqsim.server.rest.request import Request

pytestmark = pytest.mark.fidelity("http:paging", "exact")

NAMES = [f"n{i:03}" for i in range(25)]


def fetch(after: str, limit: int) -> list[str]:
    return [n for n in NAMES if n > after][:limit]


def one_page(**query: str) -> tuple[list[str], str | None]:
    core: object = None
    return page(Request(core, "m", {}, query, {}, Caller("a@b.c")), fetch, lambda n: n)  # type: ignore[arg-type]


def test_pages_cover_everything_once() -> None:
    seen: list[str] = []
    token = ""
    while token is not None:
        found, token = one_page(maxResults="10", pageToken=token)  # type: ignore[assignment]
        seen += found
    assert seen == NAMES


def test_a_full_last_page_has_no_token() -> None:
    assert one_page(maxResults="25") == (NAMES, None)


def test_max_results_zero_is_an_empty_page() -> None:
    assert one_page(maxResults="0") == ([], None)


@pytest.mark.parametrize("token", ["x", "!!!", base64.urlsafe_b64encode(b"other").decode(), "\ud800"])
def test_foreign_tokens_are_400(token: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        decode_token(token)
    assert caught.value.message == "Invalid page token"


def test_tokens_round_trip() -> None:
    assert decode_token(encode_token("täble ☃")) == "täble ☃"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("labels.env:prod", True),
        ("labels.env:dev", False),
        ("labels.env", True),
        ("labels.env:*", True),
        ("labels.env:prod labels.team:x", False),
        ("", True),
        (None, True),
    ],
)
def test_label_filter(text: str | None, expected: bool) -> None:
    assert label_filter(text)({"env": "prod", "team": "y"}) is expected


@pytest.mark.parametrize("text", ["env:prod", "labels.", "name=x"])
def test_bad_filter_is_400(text: str) -> None:
    with pytest.raises(BigQueryError):
        label_filter(text)
