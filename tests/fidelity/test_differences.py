"""What is approximated, each shown by what it gives here."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.limits import BIGQUERY
from tests.conftest import Http
from tests.contract.limit_steps import NEVER, WAYS

IN_OUR_WORDS = ("attributeError", "blocked", "invalidParameter", "tableUnavailable")
# Jobs that fail by a rule name themselves, where the service names the table or dataset.
NAMES_ITSELF = ("accessDenied", "duplicate", "notFound", "resourceInUse", "tableUnavailable")


@pytest.fixture
def data(rest: Http) -> Http:
    rest.dataset()
    rest.query(
        "CREATE TABLE d.days PARTITION BY day AS "
        "SELECT DATE '2026-01-01' AS day, 1 AS n UNION ALL SELECT DATE '2026-01-02', 2"
    )
    rest.query("CREATE TABLE d.clustered CLUSTER BY n AS SELECT n FROM UNNEST([1, 2, 3]) AS n")
    rest.query("CREATE TABLE d.arrival (n INT64) PARTITION BY _PARTITIONDATE")
    return rest


def value(rest: Http, sql: str) -> Any:
    answer = rest.query(sql)
    assert answer.status == 200, answer.data
    return answer.json["rows"][0]["f"][0]["v"]


def processed(rest: Http, sql: str) -> int:
    return int(rest.query(sql).json["totalBytesProcessed"])


@pytest.mark.fidelity(
    "bytes:cluster pruning",
    "approximated",
    "The service tells nothing of its blocks: here each partition is sorted by its clustering columns and "
    "cut into blocks of up to 64 MiB. LIMIT ends no scan early.",
)
def test_filters_on_clustered_columns_leave_blocks_out(data: Http) -> None:
    data.query(
        "CREATE TABLE d.large CLUSTER BY n AS SELECT n, REPEAT('x', 100000) AS t"
        " FROM UNNEST(GENERATE_ARRAY(1, 2000)) AS n"
    )
    assert processed(data, "SELECT n FROM d.large") == 2000 * 8
    assert processed(data, "SELECT n FROM d.large WHERE n = 1") == 667 * 8
    assert processed(data, "SELECT n FROM d.large WHERE n + 0 = 1") == 2000 * 8
    # A small table is one block.
    assert processed(data, "SELECT n FROM d.clustered WHERE n = 1000") == 3 * 8


@pytest.mark.fidelity(
    "bytes:TABLESAMPLE", "approximated", "The percentage of the bytes, whatever rows were taken."
)
def test_samples_are_charged_by_their_percentage(data: Http) -> None:
    data.query("CREATE TABLE d.some AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n")
    assert processed(data, "SELECT n FROM d.some TABLESAMPLE SYSTEM (10 PERCENT)") == 80


@pytest.mark.fidelity(
    "sql:approximate aggregates",
    "approximated",
    "They give exact results, which are among those that the service may give.",
)
def test_approximate_aggregates_are_exact(data: Http) -> None:
    assert value(data, "SELECT APPROX_COUNT_DISTINCT(x) FROM UNNEST(GENERATE_ARRAY(1, 9999)) AS x") == "9999"
    found = data.query("SELECT APPROX_QUANTILES(x, 2) FROM UNNEST([1, 2, 3, 4, 5]) AS x").json["rows"]
    assert [v["v"] for v in found[0]["f"][0]["v"]] == ["1", "3", "5"]


@pytest.mark.fidelity(
    "sql:TABLESAMPLE", "approximated", "Samples are of rows or blocks of bqsim's own, not of the service's."
)
def test_samples(data: Http) -> None:
    assert value(data, "SELECT COUNT(*) FROM d.days TABLESAMPLE SYSTEM (0 PERCENT)") == "0"
    assert value(data, "SELECT COUNT(*) FROM d.days TABLESAMPLE SYSTEM (100 PERCENT)") == "2"


@pytest.mark.fidelity(
    "sql:queries for the evaluator",
    "approximated",
    "What has no exact form in the engine runs in GoogleSQL's evaluator, up to 20,000 rows of input; "
    "more are refused by name.",
)
def test_large_inputs_of_the_evaluator_are_refused(data: Http) -> None:
    rows = "(SELECT CAST(x AS FLOAT64) AS x FROM UNNEST(GENERATE_ARRAY(1, {})) AS x)"
    window = "SUM(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)"
    sql = f"SELECT MAX(s) FROM (SELECT {window} AS s FROM {rows})"
    assert float(value(data, sql.format(100))) == 199
    data.query(f"CREATE TABLE d.many AS SELECT * FROM {rows.format(20_001)}")
    answer = data.query(f"SELECT {window} FROM d.many")
    assert answer.message == "window frame RANGE over FLOAT64 is not supported by bqsim"


@pytest.mark.fidelity(
    "sql:functions on numbers",
    "approximated",
    "The last of 70 and more digits of EXP and POW of BIGNUMERIC may differ.",
)
def test_great_powers(data: Http) -> None:
    found = value(data, "SELECT CAST(EXP(x) AS STRING) FROM UNNEST([BIGNUMERIC '80.5']) AS x")
    assert found.startswith("91349419780668417560064928456")


@pytest.mark.fidelity(
    "sql:system procedures",
    "approximated",
    "BQ.REFRESH_MATERIALIZED_VIEW, BQ.REFRESH_EXTERNAL_METADATA_CACHE and BQ.ABORT_SESSION are there; the "
    "others are refused by name.",
)
def test_procedures_of_the_service(data: Http) -> None:
    assert "BQ.JOBS.CANCEL is not supported by bqsim" in data.query("CALL BQ.JOBS.CANCEL('x')").message
    data.query("CREATE MATERIALIZED VIEW d.m AS SELECT COUNT(*) AS c FROM d.days")
    refresh = f"CALL BQ.REFRESH_MATERIALIZED_VIEW('{data.project}.d.m')"
    assert data.query(refresh).status == 200


@pytest.mark.fidelity(
    "statement:CREATE MATERIALIZED VIEW",
    "approximated",
    "Queries of its tables are not rewritten to read it.",
)
def test_materialized_views_are_fresh(data: Http) -> None:
    data.query("CREATE MATERIALIZED VIEW d.m AS SELECT COUNT(*) AS c FROM d.days")
    data.query("INSERT d.days VALUES (DATE '2026-01-03', 3)")
    assert value(data, "SELECT c FROM d.m") == "3"


@pytest.mark.fidelity(
    "fields:Job: statistics.query.queryPlan and timeline",
    "approximated",
    "One stage and one sample, with the times of the whole query; a scenario can let them grow.",
)
@pytest.mark.fidelity(
    "fields:Job: statistics.totalSlotMs",
    "approximated",
    "It is the time that the engine took, as of one slot.",
)
def test_a_plan_has_one_stage(data: Http) -> None:
    body = {"configuration": {"query": {"query": "SELECT SUM(n) FROM d.days", "useLegacySql": False}}}
    job = data.call("POST", "/jobs", body).json["jobReference"]["jobId"]
    data.call("GET", f"/queries/{job}")
    statistics = data.call("GET", f"/jobs/{job}").json["statistics"]
    assert [stage["id"] for stage in statistics["query"]["queryPlan"]] == ["0"]
    assert len(statistics["query"]["timeline"]) == 1
    assert statistics["totalSlotMs"] == statistics["query"]["queryPlan"][0]["slotMs"]


@pytest.mark.fidelity(
    "iam:row and column security",
    "approximated",
    "Row access policies hold; policy tags are kept and do not restrict anybody.",
)
def test_policy_tags_restrict_nobody(data: Http) -> None:
    tags = {"names": ["projects/p/locations/us/taxonomies/1/policyTags/2"]}
    body = {
        "tableReference": {"tableId": "secret"},
        "schema": {"fields": [{"name": "s", "type": "STRING", "policyTags": tags}]},
    }
    table = data.call("POST", "/datasets/d/tables", body).json
    assert table["schema"]["fields"][0]["policyTags"] == tags
    assert data.query("SELECT s FROM d.secret").status == 200


@pytest.mark.fidelity(
    "http:TLS", "absent", "REST is plain HTTP, gRPC is without TLS; it listens on this machine unless told."
)
def test_connections_are_plain(rest: Http) -> None:
    assert rest.simulator.url.startswith("http://127.0.0.1:")
    assert rest.simulator.grpc_target.startswith("127.0.0.1:")


@pytest.mark.fidelity("service:{name}", "absent", "Its paths answer 404.")
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Reservation API", "/v1/projects/p/locations/us/reservations"),
        ("Connection API", "/v1/projects/p/locations/us/connections"),
        ("Data Transfer Service", "/v1/projects/p/locations/us/transferConfigs"),
        ("Analytics Hub", "/v1/projects/p/locations/us/dataExchanges"),
        ("Data Policy API", "/v1/projects/p/locations/us/dataPolicies"),
        ("Migration API", "/v2/projects/p/locations/us/workflows"),
    ],
)
def test_other_services(rest: Http, name: str, path: str) -> None:
    assert rest.raw("GET", path).status == 404


@pytest.mark.fidelity(
    "latency:without a scenario",
    "approximated",
    "Calls and jobs take only the time of their work: PENDING and RUNNING last for milliseconds.",
)
def test_nothing_waits_by_itself(data: Http) -> None:
    assert data.simulator.latency.setup is None
    assert data.query("SELECT 1").json["jobComplete"] is True


@pytest.mark.fidelity(
    "reason:{reason}/request, reason:{reason}/job",
    "approximated",
    "No text of the service is known: its words are bqsim's.",
)
@pytest.mark.parametrize("reason", IN_OUR_WORDS)
def test_texts_that_are_not_known(reason: str) -> None:
    from bqsim.sim.effects.texts import request_text

    assert request_text(reason)


@pytest.mark.fidelity(
    "reason:{reason}/job",
    "approximated",
    "A job that fails by a rule without a message names itself where the service names a table or dataset.",
)
@pytest.mark.parametrize("reason", NAMES_ITSELF)
def test_texts_that_name_the_job(data: Http, reason: str) -> None:
    effect = {"error": {"reason": reason, "level": "job"}}
    with data.simulator.scope(project=data.project).faults.add(effect):
        answer = data.query("SELECT 1")
    assert answer.reason == reason
    assert f"Job {data.project}:" in answer.message


@pytest.mark.fidelity(
    "limit:{name}",
    "approximated",
    "Its text follows those of its neighbours; it was not seen on the service.",
)
@pytest.mark.parametrize(
    "name", sorted(row.name for row in BIGQUERY if not row.known_text and row.name in WAYS)
)
def test_texts_of_limits_that_are_not_known(name: str) -> None:
    assert next(row for row in BIGQUERY if row.name == name).message


@pytest.mark.fidelity(
    of=lambda case: (f"limit:{case['name']}", "absent", f"Nothing reaches it: {NEVER[case['name']]}.")
)
@pytest.mark.parametrize("name", sorted(name for name in NEVER if not NEVER[name].startswith("beyond it")))
def test_limits_that_nothing_reaches(name: str) -> None:
    assert name not in WAYS
