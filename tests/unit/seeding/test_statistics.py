from __future__ import annotations

from bqsim.catalog.shadow import WHOLE, Accuracy
from bqsim.seeding.statistics import Told, statistics_of
from bqsim.types import INT64, STRING, Field, Mode, TypeKind, field_of

ID = Field("id", TypeKind.INT64, Mode.REQUIRED)
DAY = Field("day", TypeKind.DATE)
NAME = Field("name", TypeKind.STRING)
NOTE = Field("note", TypeKind.STRING)


def test_required_columns_of_fixed_size_are_exact_and_others_bounded() -> None:
    found = statistics_of((ID, DAY), Told(rows=10))
    assert found.columns == {"id": 80, "day": 80}
    assert found.accuracy_of(["id"]) is Accuracy.PRECISE
    assert found.accuracy_of(["day"]) is Accuracy.UPPER_BOUND
    assert found.accuracy_of(["id", "day"]) is Accuracy.UPPER_BOUND


def test_the_only_text_has_what_the_total_leaves() -> None:
    exact = statistics_of((ID, NAME), Told(rows=10, bytes=300))
    assert exact.columns == {"id": 80, "name": 220}
    assert exact.accuracy_of(["name"]) is Accuracy.PRECISE
    bounded = statistics_of((ID, DAY, NAME), Told(rows=10, bytes=300))
    assert bounded.columns["name"] == 140
    assert bounded.accuracy_of(["name"]) is Accuracy.LOWER_BOUND
    # Together they are what storage says.
    assert bounded.accuracy_of(["id", "day", "name"]) is Accuracy.PRECISE


def test_several_texts_share_what_the_total_leaves() -> None:
    found = statistics_of((ID, NAME, NOTE), Told(rows=10, bytes=281))
    assert found.columns == {"id": 80, "name": 100, "note": 101}
    assert found.accuracy_of(["name"]) is Accuracy.UNKNOWN


def test_columns_that_are_told_are_exact() -> None:
    found = statistics_of((ID, NAME, NOTE), Told(rows=10, bytes=281, columns={"NAME": 1}))
    assert found.columns == {"id": 80, "name": 1, "note": 200}
    assert found.accuracies == {}


def test_a_total_below_the_types_means_nulls() -> None:
    found = statistics_of((ID, DAY), Told(rows=10, bytes=100))
    assert found.columns == {"id": 80, "day": 20}
    assert found.accuracy_of(["day"]) is Accuracy.UNKNOWN
    assert found.accuracy_of(["id"]) is Accuracy.PRECISE


def test_rows_follow_from_bytes_when_they_are_not_told() -> None:
    found = statistics_of((ID,), Told(bytes=800))
    assert (found.rows, found.bytes, found.parts) == (100, 800, {WHOLE: (100, 800, 0)})


def test_partitions_without_bytes_share_by_their_rows() -> None:
    parts = {"20260101": (30, 60, 5), "20260102": (10, None, 6), "20260103": (20, None, 7)}
    found = statistics_of((NAME,), Told(bytes=151, partitions=parts))
    assert found.parts == {"20260101": (30, 60, 5), "20260102": (10, 30, 6), "20260103": (20, 61, 7)}
    assert (found.rows, found.bytes) == (60, 151)


def test_partitions_that_nobody_told_leave_upper_bounds() -> None:
    found = statistics_of((ID, DAY), Told(rows=10, bytes=160), partitioned=True)
    assert found.accuracy_of(["id"]) is Accuracy.UPPER_BOUND
    assert found.accuracy_of(["id", "day"]) is Accuracy.UPPER_BOUND


def test_arrays_and_structs() -> None:
    struct = Field("s", TypeKind.STRUCT, Mode.REQUIRED, (ID, DAY))
    many = Field("many", TypeKind.INT64, Mode.REPEATED)
    found = statistics_of((struct, many), Told(rows=2))
    assert found.columns == {"s": 32, "many": 32}
    assert found.accuracy_of(["s"]) is Accuracy.UPPER_BOUND
    assert found.accuracy_of(["many"]) is Accuracy.UNKNOWN


def test_fields_of_structs_that_are_told() -> None:
    inner = (field_of("a", INT64), field_of("b", STRING))
    fields = [field_of("s", STRING), Field("r", TypeKind.STRUCT, fields=inner)]
    found = statistics_of(fields, Told(rows=10, bytes=500, columns={"r.a": 80, "R.B": 220}))
    assert found.columns == {"s": 200, "r": 300}
    assert found.leaves == {"r.a": 80, "R.B": 220}
    assert (found.bytes_of(["r.a"]), found.bytes_of(["r.b"]), found.bytes_of(["r"])) == (80, 220, 300)
    part = statistics_of(fields, Told(rows=10, columns={"r.a": 80}))
    assert part.bytes_of(["r.a"]) == 80
    assert part.columns["r"] > 80
