from pathlib import Path

from bqsim.contract.recorded import answers_of, form_problems, reasons_of
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation

KEYS = iter(f"{n:016x}" for n in range(99))


def cassette(folder: Path, *operations: Operation) -> Cassette:
    CassetteWriter(folder / "a.cassette").write(Header(), operations)
    return Cassette.open(folder / "a.cassette")


def test_answers_are_told_by_method(tmp_path: Path) -> None:
    job = {"jobReference": {"jobId": "${job}"}, "status": {"state": "DONE"}}
    answer = {"kind": "bigquery#queryResponse", "jobComplete": True, "totalSlotMs": "${measure:x}"}
    failure = {
        "status": 404,
        "body": {"error": {"code": 404, "message": "m", "errors": [{"reason": "notFound"}]}},
    }
    made = cassette(
        tmp_path,
        Operation(
            "query", next(KEYS), 1, {"sql": "SELECT 1"}, {"job": job, "answer": answer, "totalRows": 3}
        ),
        Operation("rows", next(KEYS), 1, {"table": "t"}, {"error": failure}),
        Operation("insert", next(KEYS), 1, {"table": "t"}, {}),
    )
    assert [(method, status) for _, method, status, _ in answers_of(made)] == [
        ("bigquery.jobs.get", 200),
        ("bigquery.jobs.insert", 200),
        ("bigquery.jobs.query", 200),
        ("bigquery.tabledata.list", 404),
        ("bigquery.tabledata.insertAll", 200),
    ]
    assert form_problems(made) == []
    assert reasons_of(made) == {"bigquery.tabledata.list": {"notFound"}}


def test_what_no_schema_has_is_found_once_per_operation(tmp_path: Path) -> None:
    result = {"job": {"colour": "red", "statistics": {"creationTime": "${time:x}", "endTime": 5}}}
    made = cassette(tmp_path, Operation("load", "a" * 16, 1, {"configuration": {}}, result))
    told = [(method, problem.path) for _, method, problem in form_problems(made)]
    assert told == [
        ("bigquery.jobs.get", "colour"),
        ("bigquery.jobs.get", "statistics.endTime"),
        ("bigquery.jobs.insert", "colour"),
        ("bigquery.jobs.insert", "statistics.endTime"),
    ]
