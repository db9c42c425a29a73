from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.seeding import Api, ApiError


def test_errors_have_code_and_reason(api: Api) -> None:
    with pytest.raises(ApiError, match="Not found: Dataset") as caught:
        api.call("GET", "datasets/none")
    assert (caught.value.code, caught.value.reason) == (404, "notFound")
    assert api.find("datasets/none") is None
    with pytest.raises(ApiError, match="Syntax error") as failed:
        api.query("SELEC")
    assert failed.value.reason == "invalidQuery"


def test_files_are_loaded(api: Api, tmp_path: Path) -> None:
    api.call("POST", "datasets", {"datasetReference": {"datasetId": "d"}})
    target = {"projectId": api.project, "datasetId": "d", "tableId": "t"}
    load = {"destinationTable": target, "autodetect": True, "sourceFormat": "CSV"}
    assert api.load(load, b"a,b\n1,x\n2,y\n") == 2
    path = tmp_path / "f.csv"
    path.write_text("a,b\n3,z\n")
    assert api.load(load, path) == 1
    with pytest.raises(ApiError):
        api.load(
            {**load, "schema": {"fields": [{"name": "a", "type": "INTEGER"}]}, "autodetect": False}, b"x\n"
        )


def test_nobody_answers() -> None:
    with pytest.raises(ApiError, match=r"no server answers at http://127\.0\.0\.1:1 .*bqsim serve") as caught:
        Api("127.0.0.1:1", "p").call("GET", "datasets")
    assert caught.value.code == 0


def test_another_project_of_the_same_server(api: Api) -> None:
    assert api.within("other").url == api.url
    assert api.within("other").project == "other"
