from __future__ import annotations

import base64

import pytest

from bqsim.catalog.etag import check_match, matches, new_etag
from bqsim.errors import BigQueryError
from bqsim.sim.draws import Draws


def test_an_etag_is_base64_of_16_bytes() -> None:
    assert len(base64.b64decode(new_etag(Draws(3)))) == 16


@pytest.mark.parametrize("header", [None, "abc==", '"abc=="', 'W/"abc=="', "*", '"x", "abc=="'])
def test_if_match_that_holds(header: str | None) -> None:
    check_match(header, "abc==")


@pytest.mark.parametrize("header", ["abc", '"other"', ""])
def test_if_match_with_a_stale_etag_is_412(header: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        check_match(header, "abc==")
    assert (caught.value.http, caught.value.message) == (412, "Precondition check failed.")


def test_if_none_match() -> None:
    assert matches('"a", "b"', "b") and matches("*", "b")
    assert not matches(None, "b") and not matches('"a"', "b")
