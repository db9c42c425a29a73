from __future__ import annotations

import pytest

from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.jobs.query",
        "exact",
        tests="test_query_answers* test_empty_result* test_optional* test_dry_run* test_statements*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.jobs.getQueryResults",
        "exact",
        tests="test_pages_* test_timestamps_* test_failing_query* test_fields_mask*",
    ),
    pytest.mark.fidelity("rest:bigquery.jobs.insert", "exact", tests="test_job_ids_*"),
    pytest.mark.fidelity("rest:bigquery.jobs.get", "exact", tests="test_unknown_jobs* test_a_job_is_found*"),
    pytest.mark.fidelity("rest:bigquery.jobs.list", "exact", tests="test_list_*"),
    pytest.mark.fidelity("rest:bigquery.jobs.delete", "exact", tests="test_delete_*"),
    pytest.mark.fidelity("job:optional job creation", "exact", tests="test_optional_*"),
]

NUMBERS = "SELECT n FROM UNNEST([1, 2, 3, 4, 5]) AS n ORDER BY n"


def values(answer: object) -> list[str]:
    return [row["f"][0]["v"] for row in answer.json.get("rows", [])]  # type: ignore[attr-defined]


def job_of(answer: object) -> str:
    job_id: str = answer.json["jobReference"]["jobId"]  # type: ignore[attr-defined]
    return job_id


def test_query_answers_rows_and_summary(rest: Http) -> None:
    answer = rest.query("SELECT 1 AS x, 'a' AS s")
    body = answer.json
    assert answer.status == 200, answer.data
    assert body["kind"] == "bigquery#queryResponse"
    assert body["schema"]["fields"] == [
        {"name": "x", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "s", "type": "STRING", "mode": "NULLABLE"},
    ]
    assert body["rows"] == [{"f": [{"v": "1"}, {"v": "a"}]}]
    assert (body["totalRows"], body["jobComplete"], body["location"]) == ("1", True, "US")
    assert {
        "queryId",
        "jobCreationReason",
        "creationTime",
        "startTime",
        "endTime",
        "totalBytesBilled",
    } <= set(body)


def test_pages_of_a_result(rest: Http) -> None:
    first = rest.query(NUMBERS, maxResults=2)
    assert values(first) == ["1", "2"]
    path = f"/queries/{job_of(first)}"
    second = rest.call("GET", f"{path}?maxResults=2&pageToken={first.json['pageToken']}")
    assert values(second) == ["3", "4"]
    assert second.json["kind"] == "bigquery#getQueryResultsResponse"
    third = rest.call("GET", f"{path}?maxResults=2&pageToken={second.json['pageToken']}")
    assert values(third) == ["5"]
    assert "pageToken" not in third.json
    assert values(rest.call("GET", f"{path}?startIndex=3")) == ["4", "5"]
    empty = rest.call("GET", f"{path}?maxResults=0")
    assert (empty.json["totalRows"], "rows" in empty.json) == ("5", False)
    assert rest.call("GET", f"{path}?pageToken=junk").status == 400
    assert rest.call("GET", f"{path}?startIndex=-1").status == 400


def test_result_is_a_table_that_can_be_listed(rest: Http) -> None:
    job = rest.call("GET", f"/jobs/{job_of(rest.query(NUMBERS))}").json
    table = job["configuration"]["query"]["destinationTable"]
    assert table["datasetId"].startswith("_")
    path = f"/datasets/{table['datasetId']}/tables/{table['tableId']}"
    assert values(rest.call("GET", f"{path}/data?startIndex=1&maxResults=2")) == ["2", "3"]
    assert rest.call("GET", path).json["numRows"] == "5"


def test_empty_result_has_no_rows_member(rest: Http) -> None:
    body = rest.query("SELECT n FROM UNNEST([1]) AS n WHERE n > 1").json
    assert (body["totalRows"], "rows" in body) == ("0", False)


@pytest.mark.parametrize("prefix", ["/bigquery/v2", ""])
def test_paths_answer_with_and_without_the_prefix(rest: Http, prefix: str) -> None:
    body = {"query": "SELECT 1", "useLegacySql": False}
    assert rest.raw("POST", f"{prefix}/projects/{rest.project}/queries", body).status == 200


def test_timestamps_in_every_format(rest: Http) -> None:
    sql = "SELECT TIMESTAMP '2020-01-02 03:04:05.678901+00'"
    assert values(rest.query(sql)) == ["1.577934245678901E9"]
    assert values(rest.query(sql, formatOptions={"useInt64Timestamp": True})) == ["1577934245678901"]
    iso = values(rest.query(sql, formatOptions={"timestampOutputFormat": "ISO8601_STRING"}))
    assert iso == ["2020-01-02T03:04:05.678901Z"]
    both = rest.query(sql, formatOptions={"useInt64Timestamp": True, "timestampOutputFormat": "INT64"})
    assert both.status == 400
    path = f"/queries/{job_of(rest.query(sql))}"
    assert values(rest.call("GET", f"{path}?formatOptions.useInt64Timestamp=True")) == ["1577934245678901"]
    assert rest.call("GET", f"{path}?formatOptions.timestampOutputFormat=X").status == 400


def test_failing_query_is_an_http_error_but_its_job_is_not(rest: Http) -> None:
    failed = rest.query("SELECT nope")
    assert (failed.status, failed.reason) == (400, "invalidQuery")
    assert failed.message == "Unrecognized name: nope at [1:8]"
    body = {
        "jobReference": {"jobId": "failing"},
        "configuration": {"query": {"query": "SELECT 1/0", "useLegacySql": False}},
    }
    assert rest.call("POST", "/jobs", body).status == 200
    results = rest.call("GET", "/queries/failing")
    assert (results.status, results.reason) == (400, "invalidQuery")
    job = rest.call("GET", "/jobs/failing")
    assert job.status == 200
    assert job.json["status"]["state"] == "DONE"
    assert job.json["status"]["errorResult"]["reason"] == "invalidQuery"
    assert job.json["selfLink"].endswith("/jobs/failing?location=US")


def test_job_ids_are_used_once(rest: Http) -> None:
    body = {
        "jobReference": {"jobId": "j"},
        "configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}},
    }
    assert rest.call("POST", "/jobs", body).status == 200
    again = rest.call("POST", "/jobs", body)
    assert (again.status, again.message) == (409, f"Already Exists: Job {rest.project}:US.j")


def test_unknown_jobs_are_not_found(rest: Http) -> None:
    for verb, path in (
        ("GET", "/jobs/x"),
        ("GET", "/queries/x"),
        ("POST", "/jobs/x/cancel"),
        ("DELETE", "/jobs/x/delete"),
    ):
        answer = rest.call(verb, path)
        assert (answer.status, answer.reason) == (404, "notFound"), path


def test_a_job_is_found_in_its_location_only(rest: Http) -> None:
    job = job_of(rest.query("SELECT 1"))
    assert rest.call("GET", f"/jobs/{job}?location=us").status == 200
    assert rest.call("GET", f"/jobs/{job}?location=EU").status == 404


def test_list_shows_own_jobs_newest_first(rest: Http) -> None:
    jobs = [job_of(rest.query(f"SELECT {i}")) for i in range(3)]
    other = {"Authorization": "Bearer user:other@example.com"}
    rest.call("POST", "/queries", {"query": "SELECT 9", "useLegacySql": False}, other)
    listed = rest.call("GET", "/jobs").json["jobs"]
    assert [j["jobReference"]["jobId"] for j in listed] == jobs[::-1]
    assert "configuration" not in listed[0]
    assert listed[0]["state"] == "DONE"
    assert len(rest.call("GET", "/jobs?allUsers=true").json["jobs"]) == 4
    full = rest.call("GET", "/jobs?projection=full&maxResults=1").json
    assert full["jobs"][0]["configuration"]["query"]["query"] == "SELECT 2"
    following = rest.call("GET", f"/jobs?maxResults=5&pageToken={full['nextPageToken']}").json["jobs"]
    assert [j["jobReference"]["jobId"] for j in following] == jobs[1::-1]
    assert rest.call("GET", "/jobs?stateFilter=running&stateFilter=pending").json["jobs"] == []
    assert rest.call("GET", "/jobs?stateFilter=nope").status == 400


def test_dry_run_has_a_schema_and_no_job(rest: Http) -> None:
    body = rest.query("SELECT 1 AS x", dryRun=True).json
    assert body["schema"]["fields"][0]["name"] == "x"
    assert body["jobReference"] == {"projectId": rest.project, "location": "US"}
    assert "rows" not in body
    assert "queryId" not in body
    assert rest.query("SELECT nope", dryRun=True).status == 400


def test_statements_without_a_result_have_no_rows_and_dml_is_counted(rest: Http) -> None:
    rest.dataset()
    rest.table()
    body = rest.query("INSERT d.t (n) VALUES (1), (2)", defaultDataset={"datasetId": "d"}).json
    assert body["numDmlAffectedRows"] == "2"
    assert body["dmlStats"] == {"insertedRowCount": "2", "updatedRowCount": "0", "deletedRowCount": "0"}
    assert {"totalRows", "rows", "schema"} & set(body) == set()


def test_optional_job_creation_answers_without_a_job(rest: Http) -> None:
    body = rest.query("SELECT 1", jobCreationMode="JOB_CREATION_OPTIONAL").json
    assert "jobReference" not in body
    assert body["queryId"]
    assert values_of(body) == ["1"]


def values_of(body: dict[str, object]) -> list[str]:
    return [row["f"][0]["v"] for row in body["rows"]]  # type: ignore[attr-defined, index]


def test_delete_forgets_the_job(rest: Http) -> None:
    job = job_of(rest.query("SELECT 1"))
    assert rest.call("DELETE", f"/jobs/{job}/delete?location=US").json == {}
    assert rest.call("GET", f"/jobs/{job}").status == 404


def test_fields_mask_on_rows(rest: Http) -> None:
    job = job_of(rest.query(NUMBERS))
    masked = rest.call("GET", f"/queries/{job}?fields=totalRows,rows&maxResults=2").json
    assert masked == {"totalRows": "5", "rows": [{"f": [{"v": "1"}]}, {"f": [{"v": "2"}]}]}


def test_legacy_sql_is_the_default(rest: Http) -> None:
    answer = rest.call("POST", "/queries", {"query": "SELECT INTEGER(1) AS n"})
    assert (answer.status, answer.json["rows"]) == (200, [{"f": [{"v": "1"}]}])
    refused = rest.call("POST", "/queries", {"query": "WITH a AS (SELECT 1) SELECT * FROM a"})
    assert (refused.status, refused.reason) == (400, "invalidQuery")
