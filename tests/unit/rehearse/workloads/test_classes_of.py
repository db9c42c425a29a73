"""Recorded jobs of one kind are of one class; labels that name every job are left out where they are many."""

from __future__ import annotations

from bqsim.history import JobRecord
from bqsim.rehearse.workloads.classes_of import ClassTable


def job(number: int, **more: object) -> JobRecord:
    return JobRecord(f"j{number}", **{"project": "p", "user": "u", "fingerprint": "f", **more})  # type: ignore[arg-type]


def test_what_classes_tell() -> None:
    table = ClassTable()
    numbers = [
        table.add(job(1, labels={"a": "1", "b": "2"})),
        table.add(job(2, labels={"b": "2", "a": "1"})),
        table.add(job(3, priority="BATCH", reservation="admin:US.etl", statement_type="INSERT")),
        table.add(job(4, project="")),
    ]
    classes, which = table.finished()
    assert list(which[numbers]) == [0, 0, 1, 2]
    assert (classes[0].project, classes[0].principal, classes[0].kind) == ("p", "u", "f")
    assert classes[0].labels == {"a": "1", "b": "2"}
    assert (classes[1].priority, classes[1].statement_type) == ("BATCH", "INSERT")
    assert (classes[1].ran_in, classes[1].reservation) == ("admin:US.etl", "")
    assert classes[2].project == "project"


def test_labels_with_a_value_for_each_job_go_first() -> None:
    table = ClassTable(limit=20)
    numbers = [
        table.add(job(n, labels={"run": str(n), "team": f"t{n % 3}"}, fingerprint=f"f{n % 2}"))
        for n in range(300)
    ]
    classes, which = table.finished()
    assert len(classes) == 6
    for n, number in enumerate(numbers):
        found = classes[which[number]]
        assert (found.labels, found.kind) == ({"team": f"t{n % 3}"}, f"f{n % 2}")


def test_then_queries_are_not_told_apart() -> None:
    table = ClassTable(limit=4)
    numbers = [
        table.add(job(n, labels={"x": str(n)}, fingerprint=str(n), project=f"p{n % 7}")) for n in range(50)
    ]
    classes, which = table.finished()
    assert {one.kind for one in classes} == {""}
    assert [classes[which[number]].project for number in numbers] == [f"p{n % 7}" for n in range(50)]
