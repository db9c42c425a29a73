from __future__ import annotations

import pytest

from bqsim.jobs.labels import labels_of
from bqsim.types import STRING
from tests.unit.sql.warehouse import typed


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (None, {}),
        ("", {}),
        ("a:b", {"a": "b"}),
        ("a:b,c:d", {"a": "b", "c": "d"}),
        ("a:b, c:d", {"a": "b", "c": "d"}),
        ("a", {"a": ""}),
        ("a:", {"a": ""}),
    ],
)
def test_labels_of_a_text(text: str | None, labels: dict[str, str]) -> None:
    assert labels_of(typed(STRING, text)) == labels


def test_without_the_variable_there_are_none() -> None:
    assert labels_of(None) == {}
