from __future__ import annotations

import pytest

from bqsim.types.names import name_problem


@pytest.mark.parametrize("name", ["a", "_a", "a1", "1a", "été", "a b", "a&b%c=d+e:f'g<h>i#j|k-l", "x" * 300])
def test_names_that_columns_may_have(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["", "x" * 301, *'!"$()*,./;?@[\\]^`{}~', "a\nb", "a\x00"])
def test_names_with_other_characters(name: str) -> None:
    problem = name_problem(name)
    assert problem is not None and problem.startswith(f'Invalid field name "{name}". Fields must contain')


@pytest.mark.parametrize(
    "name", ["_PARTITIONTIME", "_table_suffix", "_File_name", "__root__x", "_CHANGE_TYPE"]
)
def test_reserved_prefixes(name: str) -> None:
    problem = name_problem(name)
    assert problem is not None and "not allowed to start with" in problem


def test_a_reserved_word_inside_is_no_prefix() -> None:
    assert name_problem("my_table_x") is None and name_problem("_tables") is None
