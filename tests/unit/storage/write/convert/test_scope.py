from __future__ import annotations

import numpy as np
import pyarrow as pa

from bqsim.storage.write.convert.scope import Scope, only_valid, valid


def test_the_first_message_of_a_row_stays() -> None:
    found: dict[int, str] = {2: "malformed"}
    scope = Scope(found).at("a")
    scope.fail(np.array([False, True, True]), lambda i: f"bad {i}")
    scope.at("b").fail(np.array([True, True, True]), lambda i: f"worse {i}")
    assert found == {0: "worse 0 on field b.", 1: "bad 1 on field a.", 2: "malformed"}


def test_elements_belong_to_the_rows_of_their_lists() -> None:
    found: dict[int, str] = {}
    lists = Scope(found).at("r").elements(np.array([0, 2, 2, 3]))
    inner = lists.at("r.x").elements(np.array([0, 0, 1, 4]))
    inner.fail(np.array([0, 3]), lambda i: f"bad {i}")
    assert found == {0: "bad 0 on field r.x.", 2: "bad 3 on field r.x."}


def test_nothing_is_computed_for_good_rows() -> None:
    def rows() -> object:
        raise AssertionError

    Scope({}, "a", rows).fail(np.array([False, False]), str)


def test_null_values_are_never_bad() -> None:
    array = pa.array([1, None, 3])
    assert only_valid(np.array([True, True, False]), array).tolist() == [True, False, False]
    assert valid(pa.array([1])) is None
