from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from bqsim.seeding import Api, ApiError, seed
from bqsim.seeding.live import export, google_api


def test_bytes_of_columns_come_from_dry_runs(api: Api) -> None:
    seed(
        api,
        "datasets: {d: {tables: {t: {schema: {id: INT64, name: STRING}, rows: [{id: 1, name: abc}]},\n"
        "  strict: {schema: {id: INT64, day: DATE}, partition_by: day, require_partition_filter: true,\n"
        '    rows: [{id: 1, day: "2026-01-01"}]}}}}\n',
    )
    found = export(api, column_bytes=True)["COLUMN_BYTES"]
    assert {(r["table_name"], r["column_name"], int(r["logical_bytes"])) for r in found} == {
        ("t", "id", 8),
        ("t", "name", 5),
    }


def test_google_is_asked_with_the_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import google.auth

    credentials = SimpleNamespace(token="secret", refresh=lambda request: None)
    monkeypatch.setattr(google.auth, "default", lambda scopes: (credentials, None))
    api = google_api("p")
    assert (api.url, api.project) == ("https://bigquery.googleapis.com", "p")
    assert api._headers["authorization"] == "Bearer secret"


def test_without_credentials_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    def refuse(scopes: list[str]) -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(google.auth, "default", refuse)
    with pytest.raises(ApiError, match="gcloud auth application-default login"):
        google_api("p")


def test_without_the_client_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(Exception, match="client"):
        google_api("p")
