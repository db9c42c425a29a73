"""From the name paths of statements to references."""

from __future__ import annotations

from collections.abc import Sequence

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.errors import BigQueryError, invalid
from bqsim.sql.plan import Context

_SESSION = "_session"


def dataset_ref(path: Sequence[str], ctx: Context) -> DatasetRef:
    """The dataset of ``[project.]dataset``."""
    parts = _split(path)
    if len(parts) == 1:
        return DatasetRef(ctx.project, parts[0])
    if len(parts) == 2:
        return DatasetRef(parts[0], parts[1])
    raise invalid(f"Invalid dataset name `{'.'.join(path)}`.")


def table_ref(path: Sequence[str], ctx: Context, *, temporary: bool = False) -> TableRef:
    """The table of ``[[project.]dataset.]table``; the default dataset fills in, ``_SESSION`` is the temp
    dataset.
    """
    parts = _split(path)
    if temporary or (len(parts) == 2 and parts[0].casefold() == _SESSION):
        return _temp_dataset(ctx).table(parts[-1])
    if len(parts) == 1:
        if ctx.default_dataset is None:
            raise invalid(f'Table "{parts[0]}" must be qualified with a dataset (e.g. dataset.table).')
        return ctx.default_dataset.table(parts[0])
    if len(parts) == 2:
        return TableRef(ctx.project, parts[0], parts[1])
    if len(parts) == 3:
        return TableRef(parts[0], parts[1], parts[2])
    raise invalid(f'Invalid table name: "{".".join(path)}".')


def administering(path: Sequence[str], ctx: Context) -> str:
    """The project of ``[project.]region-x…``, or of a project's name."""
    first = _split(path)[0] if path else ctx.project
    return ctx.project if first.casefold().startswith("region-") else first


def routine_ref(path: Sequence[str], ctx: Context) -> RoutineRef:
    """The routine of ``[[project.]dataset.]routine``."""
    parts = _split(path)
    if len(parts) == 1:
        if ctx.default_dataset is None:
            raise invalid(
                f'Routine name "{parts[0]}" missing dataset while no default dataset is set in the request.'
            )
        return RoutineRef(ctx.default_dataset.project, ctx.default_dataset.dataset, parts[0])
    if len(parts) == 2:
        return RoutineRef(ctx.project, parts[0], parts[1])
    if len(parts) == 3:
        return RoutineRef(parts[0], parts[1], parts[2])
    raise invalid(f'Invalid routine name: "{".".join(path)}".')


def _split(path: Sequence[str]) -> list[str]:
    """Path parts; a part that was written as one dotted backticked name is taken apart."""
    return [part for whole in path for part in whole.split(".")]


def _temp_dataset(ctx: Context) -> DatasetRef:
    if ctx.temp_dataset is None:
        raise BigQueryError(
            "invalidQuery", "Use of CREATE TEMPORARY TABLE requires a script or session", location="query"
        )
    return ctx.temp_dataset
