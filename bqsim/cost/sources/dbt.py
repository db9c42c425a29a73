"""Queries of a dbt project: what it ran (``target/run``), else what it compiled (``target/compiled``).

What ran is what costs: the MERGE of an incremental model reads its target too, which its compiled query does
not show. The manifest, when there is one, tells owners, labels and materializations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bqsim.cost.errors import CostError
from bqsim.cost.model import Query, Workload

from .sql import SUFFIXES, query_of, text_of

_VIEWS = frozenset({"view", "ephemeral"})
# dbt calls tests' and seeds' files by these folders.
_LEFT_OUT = frozenset({"seeds", "snapshots"})


def is_dbt(path: Path) -> bool:
    """Whether a folder is a dbt project's target folder, or has one."""
    return _target(path) is not None


def _target(path: Path) -> Path | None:
    for folder in (path, path / "target"):
        if (folder / "compiled").is_dir() or (
            (folder / "run").is_dir() and (folder / "manifest.json").exists()
        ):
            return folder
    return None


def read_dbt(path: Path) -> Workload:
    """The models of a project. Raises :class:`CostError`."""
    target = _target(path)
    assert target is not None
    nodes = _nodes(target / "manifest.json")
    compiled, ran = _files(target / "compiled"), _files(target / "run")
    queries: list[Query] = []
    notes: list[str] = []
    for name in sorted(compiled.keys() | ran.keys()):
        node = nodes.get(name, {})
        config = node.get("config") or {}
        kind = str(config.get("materialized") or "")
        if kind in _VIEWS and node.get("resource_type", "model") == "model":
            notes.append(f"{name} is materialized as {kind}: it is read where it is named")
            continue
        file = ran.get(name) or compiled[name]
        if kind == "incremental" and name not in ran:
            notes.append(
                f"{name} is incremental, but target/run has no statement of it: its MERGE is not counted"
            )
        queries.append(_query(file, name, node, config))
    root = path.resolve()
    return Workload(root.parent.name if root.name == "target" else root.name, tuple(queries), tuple(notes))


def _query(file: Path, name: str, node: Mapping[str, Any], config: Mapping[str, Any]) -> Query:
    query = query_of(file, text_of(file), name)
    meta = {**(node.get("meta") or {}), **(config.get("meta") or {})}
    owner = meta.get("owner") or node.get("group") or config.get("group") or ""
    labels = {str(k): str(v) for k, v in (config.get("labels") or {}).items()}
    source = node.get("original_file_path")
    return replace(
        query,
        owner=str(owner.get("name") or owner.get("email") or "")
        if isinstance(owner, Mapping)
        else str(owner),
        labels=labels,
        # Where somebody may change it, not what was made of it.
        file=str(source) if source else query.file,
        line=1 if source else query.line,
        project=str(node.get("database") or ""),
    )


def _files(folder: Path) -> dict[str, Path]:
    """The SQL files by their path below the project's folder (``models/a/b.sql``)."""
    found = {}
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        parts = file.relative_to(folder).parts
        if file.suffix in SUFFIXES and len(parts) > 1 and parts[1] not in _LEFT_OUT:
            found["/".join(parts[1:])] = file
    return found


def _nodes(path: Path) -> dict[str, Mapping[str, Any]]:
    if not path.exists():
        return {}
    try:
        nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CostError(f"{path}: this is no manifest of dbt ({error})") from None
    return {str(n.get("original_file_path") or "").replace("\\", "/"): n for n in nodes.values()}
