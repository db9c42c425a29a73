"""Whatever a request body holds, it is answered by BigQuery's kind of error or by a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.jobs.config import check_labels, parse_query
from bqsim.jobs.copy import parse_copy
from bqsim.jobs.load import parse_load
from bqsim.jobs.requests import Requests, configuration_of, timeout_s
from bqsim.jobs.upload import Upload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TABLE = (
    st.fixed_dictionaries({}, optional={"projectId": VALUES, "datasetId": VALUES, "tableId": VALUES}) | VALUES
)
LISTED = st.lists(VALUES, max_size=2) | VALUES


def body(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={k: v | VALUES for k, v in known.items()})


PARAMETER = body(
    name=VALUES,
    parameterType=body(
        type=st.sampled_from(["INT64", "ARRAY", "STRUCT", "RANGE"]), arrayType=VALUES, structTypes=LISTED
    ),
    parameterValue=body(value=VALUES, arrayValues=LISTED, structValues=VALUES, rangeValue=VALUES),
)
TARGET = {
    "destinationTable": TABLE,
    "createDisposition": VALUES,
    "writeDisposition": VALUES,
    "schemaUpdateOptions": LISTED,
    "timePartitioning": body(type=VALUES, field=VALUES, expirationMs=VALUES, requirePartitionFilter=VALUES),
    "rangePartitioning": body(field=VALUES, range=body(start=VALUES, end=VALUES, interval=VALUES)),
    "clustering": body(fields=LISTED),
    "destinationEncryptionConfiguration": VALUES,
    "destinationTableProperties": body(labels=VALUES, description=VALUES, expirationTime=VALUES),
}
QUERY = body(
    query=st.just("SELECT 1"),
    useLegacySql=st.just(False),
    defaultDataset=TABLE,
    queryParameters=st.lists(PARAMETER, max_size=2),
    parameterMode=VALUES,
    connectionProperties=st.lists(body(key=VALUES, value=VALUES), max_size=2),
    maximumBytesBilled=VALUES,
    priority=VALUES,
    tableDefinitions=VALUES,
    createSession=VALUES,
    **TARGET,
)
LOAD = body(
    schema=body(fields=st.lists(body(name=VALUES, type=st.sampled_from(["INT64", "RECORD"]), fields=LISTED))),
    sourceFormat=st.sampled_from(["CSV", "PARQUET"]),
    sourceUris=LISTED,
    fieldDelimiter=VALUES,
    quote=VALUES,
    encoding=VALUES,
    nullMarker=VALUES,
    skipLeadingRows=VALUES,
    maxBadRecords=VALUES,
    autodetect=VALUES,
    parquetOptions=VALUES,
    **TARGET,
)
COPY = body(sourceTable=TABLE, sourceTables=st.lists(TABLE, max_size=2), operationType=VALUES, **TARGET)
JOB = body(labels=VALUES, dryRun=VALUES, jobTimeoutMs=VALUES)
REQUEST = body(requestId=VALUES, dryRun=VALUES, timeoutMs=VALUES, labels=VALUES, query=VALUES)

CASES: list[tuple[st.SearchStrategy[Any], Callable[[Any], Any]]] = [
    (st.tuples(JOB, QUERY), lambda given: parse_query({**given[0], "query": given[1]}, "p")),
    (LOAD, lambda given: parse_load(given, "p", Upload(data=b""))),
    (COPY, lambda given: parse_copy(given, "p")),
    (VALUES, check_labels),
    (
        REQUEST,
        lambda given: (configuration_of(given), timeout_s(given), Requests().find("p", "me", given, 0)),
    ),
]


@pytest.mark.parametrize("case", range(len(CASES)))
@settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_bodies_are_parsed_or_refused(case: int, data: st.DataObject) -> None:
    strategy, parse = CASES[case]
    given_body = data.draw(strategy)
    try:
        parse(given_body)
    except BigQueryError as error:
        assert 400 <= error.http < 500
