"""What a seed says of datasets, tables and files, as the API has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bqsim.catalog.shadow import ShadowStatistics
from bqsim.sim.scenario.tree import Problem

from . import model as m
from .api import Api
from .folders import FORMATS, RowFile, format_of, pairs_of
from .read import Loaded, SeedError, plain

# The most that one control request carries.
SHADOW_BYTES = 4 * 1024 * 1024


def matching(loaded: Loaded, files: m.Files) -> list[RowFile]:
    """The files that are meant. Raises :class:`SeedError` for none, and for names that tell no format."""
    base, place = loaded.base, loaded.place(files)
    path = Path(files.path)
    root, pattern = base, files.path
    if path.anchor:
        root, pattern = Path(path.anchor), str(path.relative_to(path.anchor))
    found = sorted(p for p in root.glob(pattern) if p.is_file())
    if not found and (root / pattern).is_dir():
        found = sorted(p for p in (root / pattern).rglob("*") if p.is_file() and format_of(p) is not None)
    if not found:
        raise SeedError([Problem(place, f"no file matches '{files.path}' (looked in {root})")])
    rows = []
    for one in found:
        format_ = FORMATS[files.format] if files.format is not None else format_of(one)
        if format_ is None:
            text = f"the name {one.name} tells no format; write 'format: csv' ({', '.join(m.FORMATS)})"
            raise SeedError([Problem(place, text)])
        rows.append(RowFile(one, format_, pairs_of(one, root)))
    return rows


def plain_options(files: m.Files) -> dict[str, Any]:
    """The options of load jobs that files have."""
    return dict(plain(files.options))


def description_body(given: m.Table | m.View) -> dict[str, Any]:
    """What describes a table or view."""
    told = {"description": given.description, "friendlyName": given.friendly_name}
    body: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    return body | ({"labels": dict(given.labels)} if given.labels else {})


def settings_body(table: m.Table) -> dict[str, Any]:
    """Partitioning and clustering as tables and load jobs have them."""
    body: dict[str, Any] = {}
    by = table.partition_by
    if by is not None and by.interval is not None:
        bounds = {"start": str(by.start), "end": str(by.end), "interval": str(by.interval)}
        body["rangePartitioning"] = {"field": by.field, "range": bounds}
    elif by is not None:
        time: dict[str, Any] = {"type": by.type}
        time |= {"field": by.field} if by.field is not None else {}
        if by.expiration_s is not None:
            time["expirationMs"] = str(round(by.expiration_s * 1000))
        body["timePartitioning"] = time
    if table.cluster_by:
        body["clustering"] = {"fields": list(table.cluster_by)}
    if table.require_partition_filter:
        body["requirePartitionFilter"] = True
    if table.primary_key:
        body["tableConstraints"] = {"primaryKey": {"columns": list(table.primary_key)}}
    return body


def dataset_body(dataset: m.Dataset, location: str | None) -> dict[str, Any]:
    """A dataset, in ``location`` unless it names another."""
    told: dict[str, Any] = {
        "description": dataset.description,
        "friendlyName": dataset.friendly_name,
        "labels": dict(dataset.labels) or None,
        "location": dataset.location or location,
        "defaultTableExpirationMs": _ms(dataset.default_table_expiration_s),
        "defaultPartitionExpirationMs": _ms(dataset.default_partition_expiration_s),
        "defaultCollation": dataset.default_collation,
    }
    return {name: value for name, value in told.items() if value is not None}


def _ms(seconds: float | None) -> str | None:
    return None if seconds is None else str(round(seconds * 1000))


def put_shadows(api: Api, statistics: Mapping[tuple[str, str], ShadowStatistics]) -> None:
    """Make tables of the project shadow tables, by (dataset, table)."""
    some: dict[str, Any] = {}
    size = 0
    for (dataset, table), one in statistics.items():
        text = one.to_text()
        if some and size + len(text) > SHADOW_BYTES:
            api.control("PUT", "shadows", {"project": api.project, "tables": some})
            some, size = {}, 0
        some[f"{dataset}.{table}"] = text
        size += len(text)
    if some:
        api.control("PUT", "shadows", {"project": api.project, "tables": some})
