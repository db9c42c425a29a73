"""The one query that a history comes from, and its rows from a running endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

from bqsim.seeding import Api

from .documents import fv_rows
from .errors import HistoryError
from .model import JobRecord
from .views import job_of_row

SCOPES = ("PROJECT", "USER", "FOLDER", "ORGANIZATION")
# JOBS_BY_FOLDER and JOBS_BY_ORGANIZATION have no texts of queries.
_COLUMNS = """\
  creation_time, start_time, end_time, project_id, user_email, job_id, job_type, statement_type, priority,
{text}  state, reservation_id, edition, total_bytes_processed, total_bytes_billed, total_slot_ms, cache_hit,
  STRUCT(error_result.reason AS reason, error_result.message AS message) AS error_result,
  destination_table, referenced_tables, labels, parent_job_id, transaction_id, session_info, {dml}
  (SELECT MAX(t.estimated_runnable_units) FROM UNNEST(timeline) AS t) AS estimated_runnable_units,
  ARRAY(
    SELECT AS STRUCT s.id, s.name, s.input_stages, s.slot_ms, s.parallel_inputs, s.records_read,
      s.records_written, s.shuffle_output_bytes, s.start_ms, s.end_ms
    FROM UNNEST(job_stages) AS s) AS job_stages,
  query_info.query_hashes.normalized_literals AS query_hashes_normalized_literals"""
_PAGE_ROWS = 2000


def history_sql(region: str = "us", days: float = 30, scope: str = "PROJECT", project: str = "") -> str:
    """The query: what of the view JOBS_BY_<scope> a history needs. ValueError for names that are none."""
    if scope not in SCOPES:
        raise ValueError(f"the scope is one of {', '.join(SCOPES)}, not {scope!r}")
    where = region.lower().removeprefix("region-")
    if not where.replace("-", "").isalnum() or "`" in project:
        raise ValueError(f"{region!r} is no region, or {project!r} no project")
    own = scope in ("PROJECT", "USER")
    columns = _COLUMNS.format(text="  query,\n" if own else "", dml="dml_statistics," if own else "")
    prefix = f"`{project}`." if project else ""
    minutes = round(days * 24 * 60)
    return (
        f"SELECT\n{columns}\n"
        f"FROM {prefix}`region-{where}`.INFORMATION_SCHEMA.JOBS_BY_{scope}\n"
        f"WHERE creation_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {minutes} MINUTE)\n"
        "ORDER BY creation_time, job_id\n"
    )


def commands(sql: str, project: str = "") -> str:
    """The query with the command that saves what it gives, as the documentation shows it."""
    option = f" --project_id={project}" if project else ""
    return (
        "-- The rows that bqsim reads as a history. Save this text as history.sql, then:\n"
        f"--   bq query{option} --nouse_legacy_sql --format=json --max_rows=1000000 < history.sql"
        " > history.json\n"
        "--   bqsim history convert history.json -o history.parquet\n"
        "-- Larger ones: run it with --destination_table, then `bq extract --destination_format=PARQUET`.\n"
        f"{sql}"
    )


def fetch(api: Api, sql: str) -> Iterator[JobRecord]:
    """The jobs that the query gives at an endpoint, page by page. Raises ``ApiError``."""
    place = f"{api.url} (history query)"
    job = api.query(sql)["jobReference"]
    token, number = "", 0
    while True:
        asked = {"maxResults": _PAGE_ROWS, "location": job.get("location") or "", "pageToken": token}
        query = urlencode({name: value for name, value in asked.items() if value})
        answer = api.call("GET", f"queries/{quote(job['jobId'])}?{query}")
        fields = (answer.get("schema") or {}).get("fields") or ()
        for row in fv_rows(answer.get("rows") or (), fields, place, number + 1):
            number += 1
            try:
                found = job_of_row(row, f"{api.project}:{number}")
            except ValueError as error:
                raise HistoryError(place, str(error), "Report this row", number) from None
            if found.job_id != job["jobId"]:
                yield found
        token = answer.get("pageToken") or ""
        if not token:
            return
