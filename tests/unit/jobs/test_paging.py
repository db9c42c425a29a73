from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.jobs import paging


@given(st.text(max_size=40), st.integers(min_value=0, max_value=2**62))
def test_a_token_carries_its_position(subject: str, position: int) -> None:
    assert paging.decode(subject, paging.encode(subject, position)) == position


@given(st.text(max_size=40))
def test_other_texts_are_refused(text: str) -> None:
    if text == paging.encode("job", 7):
        return
    with pytest.raises(BigQueryError) as caught:
        assert paging.decode("job", text) == 7
        raise AssertionError("a made-up token was taken")
    assert caught.value.reason.name == "invalid"
    assert "Invalid page token" in caught.value.message


def test_a_token_of_something_else_is_refused() -> None:
    with pytest.raises(BigQueryError):
        paging.decode("job b", paging.encode("job a", 3))
