"""Names of read and write streams."""

from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.storage import names
from bqsim.storage.errors import StorageFailure

TABLE = "projects/p/datasets/d/tables/t"


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        (f"{TABLE}/streams/_default", "_default"),
        (f"{TABLE}/_default", "_default"),
        (f"{TABLE}/streams/a1", "a1"),
    ],
)
def test_a_write_stream_is_named_by_its_table(path: str, stream: str) -> None:
    name = names.write_stream_of(path)
    assert name == names.WriteStreamName(TableRef("p", "d", "t"), stream)
    assert name.path == f"{TABLE}/streams/{stream}"
    assert name.is_default == (stream == "_default")


@pytest.mark.parametrize("path", ["", "t", TABLE, f"{TABLE}/a1", f"{TABLE}/streams/", f"x/{TABLE}/streams/a"])
def test_what_is_no_write_stream_is_refused(path: str) -> None:
    with pytest.raises(StorageFailure, match="Invalid") as caught:
        names.write_stream_of(path)
    assert caught.value.status == "INVALID_ARGUMENT"


def test_a_read_stream_is_named_by_its_session() -> None:
    session = "projects/p/locations/us/sessions/s"
    assert names.session_of(f"{session}/streams/x") == (session, "x")
    with pytest.raises(StorageFailure, match="locations"):
        names.session_of("projects/p/locations/us/sessions/s")


def test_projects_and_tables() -> None:
    assert names.project_of("projects/example.com:p") == "example.com:p"
    assert names.table_path(names.table_of(TABLE)) == TABLE
    with pytest.raises(StorageFailure, match=r"projects/\{project_id\}"):
        names.project_of("p")
    with pytest.raises(StorageFailure, match=r"table name: 'd\.t'"):
        names.table_of("d.t")
