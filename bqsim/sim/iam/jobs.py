"""What the configuration of a job needs, apart from the permission to create it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .needs import Checked, Need, at_places, needs
from .resources import parse

_CREATES = needs("tables.create@dataset")
_FILLS = needs("tables.updateData@table")
_LOADS = needs("tables.updateData@table tables.update@table")
_READS = needs("tables.get@source tables.getData@source")
_EXPORTS = needs("tables.export@source")
_EXPORTS_MODEL = needs("models.export@source")
_RESERVATION = needs("reservations.use@reservation")
# Operation of a copy job -> what it needs on its sources besides.
_COPIES = {
    "SNAPSHOT": needs("tables.createSnapshot@source"),
    "RESTORE": needs("tables.restoreSnapshot@source"),
}


def job_checks(project: str, body: Mapping[str, Any]) -> list[Checked]:
    """The checks for a ``Job`` or a ``QueryRequest`` that is created in a project.

    What is malformed needs nothing: the service says what is wrong with it.
    """
    configuration = _object(body, "configuration") or body
    found = []
    for kind, of_kind in _KINDS.items():
        if part := _object(configuration, kind):
            found += of_kind(project, part)
    reservation = configuration.get("reservation")
    if isinstance(reservation, str) and "/reservations/" in reservation:
        found += at_places(_RESERVATION, {"reservation": [reservation]})
    return found


def _query(project: str, part: Mapping[str, Any]) -> list[Checked]:
    return _into(project, part, _FILLS)


def _load(project: str, part: Mapping[str, Any]) -> list[Checked]:
    return _into(project, part, _LOADS)


def _extract(project: str, part: Mapping[str, Any]) -> list[Checked]:
    if "sourceModel" in part:
        model = _path(project, _object(part, "sourceModel"), "models", "modelId")
        return at_places(_EXPORTS_MODEL, {"source": [model]})
    return at_places(_EXPORTS, {"source": [_table(project, _object(part, "sourceTable"))]})


def _copy(project: str, part: Mapping[str, Any]) -> list[Checked]:
    listed = part.get("sourceTables") or [part.get("sourceTable")]
    tables = listed if isinstance(listed, list) else []
    sources = [_table(project, t) for t in tables if isinstance(t, Mapping)]
    operation = _COPIES.get(str(part.get("operationType")), ())
    return [*at_places((*_READS, *operation), {"source": sources}), *_into(project, part, _FILLS)]


_KINDS: Mapping[str, Callable[[str, Mapping[str, Any]], list[Checked]]] = {
    "copy": _copy,
    "extract": _extract,
    "load": _load,
    "query": _query,
}


def _into(project: str, part: Mapping[str, Any], fills: tuple[Need, ...]) -> list[Checked]:
    table = _object(part, "destinationTable")
    creates = () if part.get("createDisposition") == "CREATE_NEVER" else _CREATES
    places = {"dataset": [_path(project, table)], "table": [_table(project, table)]}
    return at_places((*creates, *fills), places) if places["table"][0] else []


def _table(project: str, reference: Mapping[str, Any]) -> str:
    return _path(project, reference, "tables", "tableId")


def _path(project: str, reference: Mapping[str, Any], collection: str = "", key: str = "") -> str:
    """The path of a reference; empty when a part of it is missing."""
    dataset, last = reference.get("datasetId"), reference.get(key) if key else ""
    if not dataset or (key and not last):
        return ""
    path = f"projects/{reference.get('projectId') or project}/datasets/{dataset}"
    # Partitions and earlier times of a table need what the table does.
    whole = str(last).partition("@")[0].partition("$")[0]
    return parse(f"{path}/{collection}/{whole}").path if key else path


def _object(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}
