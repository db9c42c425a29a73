"""How tables differ from their files, and what can be done about each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bqclient.models.references import DatasetReference
from bqclient.models.schema import Field, Schema
from bqclient.models.table import Table

from .schema_files import TableFile

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

Remedy = Literal["in_place", "new_table", "by_hand"]

# Types that a column may become without a new table, as no value is lost.
WIDENED: Mapping[str, frozenset[str]] = {
    "INT64": frozenset({"NUMERIC", "BIGNUMERIC", "FLOAT64"}),
    "NUMERIC": frozenset({"BIGNUMERIC", "FLOAT64"}),
    "BIGNUMERIC": frozenset({"FLOAT64"}),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``place``: a column or an attribute. ``wanted`` by the file, ``found`` in the table.

    ``remedy``: ``in_place`` (``migrate`` does it), ``new_table`` (the rows have to be written to
    another one), ``by_hand`` (rows would be lost, or nobody can tell what is meant); ``why`` it is not in
    place.
    """

    table: str
    kind: str
    place: str
    wanted: str
    found: str
    remedy: Remedy
    why: str = ""

    def __str__(self) -> str:
        place = f"{self.table}.{self.place}" if self.place else self.table
        found, wanted = self.found or "nothing", self.wanted or "nothing"
        text = f"{place}: {self.kind.replace('_', ' ')}: {found}, wanted {wanted}"
        return f"{text} ({self.why})" if self.why else text


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All differences. ``unknown``: tables of the dataset that no file describes."""

    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.differences)

    def of(self, remedy: Remedy) -> tuple[Difference, ...]:
        """Those with that remedy."""
        return tuple(d for d in self.differences if d.remedy == remedy)

    def __str__(self) -> str:
        return "\n".join(f"[{d.remedy}] {d}" for d in self.differences) or "No differences."


async def drift_of(
    client: BigQueryClient, files: tuple[TableFile, ...], dataset: DatasetReference
) -> DriftReport:
    """Compare files with a dataset's tables. Raises NotFoundError where there is no dataset."""
    kinds = {t.reference.table: t.kind async for t in client.tables.list(dataset)}
    found: list[Difference] = []
    for file in files:
        if file.name not in kinds:
            found.append(Difference(file.name, "missing_table", "", "a table", "", "in_place"))
        elif kinds[file.name] != "TABLE":
            why = "it has to be deleted or renamed first"
            found.append(Difference(file.name, "kind", "", "TABLE", kinds[file.name], "by_hand", why))
        else:
            found.extend(compare(file, await client.tables.get(dataset.table(file.name))))
    known = {file.name for file in files}
    return DriftReport(tuple(found), tuple(sorted(set(kinds) - known)))


def compare(file: TableFile, table: Table) -> Iterator[Difference]:
    """The differences of one table."""
    yield from _fields(file.name, file.schema.fields, table.schema.fields, "")
    yield from _layout(file, table)


# --- columns ---


def _fields(
    table: str, wanted: tuple[Field, ...], found: tuple[Field, ...], path: str
) -> Iterator[Difference]:
    there = {f.name.casefold(): f for f in found}
    for field in wanted:
        place = f"{path}{field.name}"
        other = there.pop(field.name.casefold(), None)
        if other is None:
            if field.required:
                why = "a column of a table that exists cannot be added as REQUIRED: rows have no value for it"
                yield Difference(table, "missing_column", place, type_of(field), "", "new_table", why)
            else:
                yield Difference(table, "missing_column", place, type_of(field), "", "in_place")
            continue
        yield from _field(table, field, other, place)
    for name, other in there.items():
        why = "its values would be lost: drop it with ALTER TABLE, or write it into the file"
        yield Difference(
            table, "extra_column", f"{path}{other.name or name}", "", type_of(other), "by_hand", why
        )


def _field(table: str, wanted: Field, found: Field, place: str) -> Iterator[Difference]:
    if plain_type(wanted) != plain_type(found):
        remedy, why = _type_remedy(wanted, found, nested="." in place)
        yield Difference(table, "type", place, type_of(wanted), type_of(found), remedy, why)
    if wanted.mode != found.mode:
        mode_remedy, why = _mode_remedy(wanted.mode, found.mode)
        yield Difference(table, "mode", place, wanted.mode, found.mode, mode_remedy, why)
    if wanted.type == found.type == "STRUCT":
        yield from _fields(table, wanted.fields, found.fields, f"{place}.")
    # What the file does not mention is left as it is.
    if wanted.description is not None and wanted.description != (found.description or ""):
        shown = (wanted.description, found.description or "")
        yield Difference(table, "description", place, *shown, "in_place")
    if (wanted.default or "") != (found.default or ""):
        yield Difference(table, "default", place, wanted.default or "", found.default or "", "in_place")


def _type_remedy(wanted: Field, found: Field, *, nested: bool) -> tuple[Remedy, str]:
    if not _widens(wanted, found):
        return "new_table", f"values of {type_of(found)} may not fit {type_of(wanted)}"
    if nested or found.repeated:
        return "new_table", "the type of a column can be widened, that of a field or of elements cannot"
    return "in_place", ""


def _widens(wanted: Field, found: Field) -> bool:
    """Whether every value of one type is one of the other, by the rules of ALTER COLUMN SET DATA TYPE."""
    if wanted.type in ("STRING", "BYTES") and wanted.type == found.type:
        return wanted.max_length is None or (
            found.max_length is not None and wanted.max_length >= found.max_length
        )
    if wanted.type == found.type and wanted.precision is not None:
        if found.precision is None:
            return False
        scales = (wanted.scale or 0, found.scale or 0)
        return scales[0] >= scales[1] and wanted.precision - scales[0] >= found.precision - scales[1]
    if wanted.type == found.type:
        return wanted.type in ("NUMERIC", "BIGNUMERIC")
    if wanted.precision is not None:
        return False
    return wanted.type in WIDENED.get(found.type, ())


def _mode_remedy(wanted: str, found: str) -> tuple[Remedy, str]:
    if (wanted, found) == ("NULLABLE", "REQUIRED"):
        return "in_place", ""
    if "REPEATED" in (wanted, found):
        return "new_table", "a column cannot become an ARRAY, or the other way about"
    return "new_table", "rows may have NULL there, and a column cannot become REQUIRED"


def plain_type(field: Field) -> tuple[Any, ...]:
    """The type without fields, as far as it can differ."""
    scale = field.scale or 0 if field.precision is not None else None
    return (field.type, field.precision, scale, field.max_length, field.element)


def type_of(field: Field, *, elements: bool = True) -> str:
    """The type as GoogleSQL has it, its fields left out."""
    text = field.type
    if field.precision is not None:
        text = f"{text}({field.precision}, {field.scale})" if field.scale else f"{text}({field.precision})"
    elif field.max_length is not None:
        text = f"{text}({field.max_length})"
    elif field.element is not None:
        text = f"RANGE<{field.element}>"
    return f"ARRAY<{text}>" if field.repeated and elements else text


# --- layout ---


def _layout(file: TableFile, table: Table) -> Iterator[Difference]:
    name = file.name
    if [c.casefold() for c in file.clustering] != [c.casefold() for c in table.clustering]:
        wanted, found = ", ".join(file.clustering), ", ".join(table.clustering)
        yield Difference(name, "clustering", "", wanted, found, "in_place")
    if _partitions(file) != _partitions(table):
        why = "how a table is partitioned cannot be changed"
        wanted, found = _partitions(file), _partitions(table)
        yield Difference(name, "partitioning", "", wanted, found, "new_table", why)
    else:
        yield from _partition_options(file, table)
    if file.description is not None and file.description != (table.description or ""):
        yield Difference(name, "description", "", file.description, table.description or "", "in_place")
    if file.labels is not None and dict(file.labels) != dict(table.labels):
        yield Difference(name, "labels", "", _pairs(file.labels), _pairs(table.labels), "in_place")


def _partition_options(file: TableFile, table: Table) -> Iterator[Difference]:
    required = (file.require_partition_filter, bool(table.require_partition_filter))
    if required[0] != required[1]:
        shown = [str(value).lower() for value in required]
        yield Difference(file.name, "require_partition_filter", "", shown[0], shown[1], "in_place")
    if file.time_partitioning is None or table.time_partitioning is None:
        return
    wanted, found = (p.expiration_ms for p in (file.time_partitioning, table.time_partitioning))
    if wanted != found:
        texts = ("" if wanted is None else f"{wanted} ms", "" if found is None else f"{found} ms")
        if wanted is not None and (found is None or wanted < found):
            why = "partitions that are older would be deleted at once"
            yield Difference(file.name, "partition_expiration", "", *texts, "by_hand", why)
        else:
            yield Difference(file.name, "partition_expiration", "", *texts, "in_place")


def _partitions(of: TableFile | Table) -> str:
    """The partitioning as text, without what can be changed."""
    if (by_time := of.time_partitioning) is not None:
        return f"{by_time.type} of {(by_time.field or '_PARTITIONTIME').casefold()}"
    if (by_range := of.range_partitioning) is not None:
        span = f"from {by_range.start} to {by_range.end} by {by_range.interval}"
        return f"RANGE of {by_range.field.casefold()} {span}"
    return ""


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}:{value}" for key, value in sorted(labels.items()))


def schema_after(wanted: Schema, found: Schema) -> Schema:
    """The schema of a table after what can be done by changing its metadata was done."""
    return Schema(_merged(wanted.fields, found.fields))


def _merged(wanted: tuple[Field, ...], found: tuple[Field, ...]) -> tuple[Field, ...]:
    from dataclasses import replace

    asked = {f.name.casefold(): f for f in wanted}
    made = []
    for field in found:
        other = asked.pop(field.name.casefold(), None)
        if other is None:
            made.append(field)
            continue
        relaxed = (other.mode, field.mode) == ("NULLABLE", "REQUIRED")
        made.append(
            replace(
                field,
                mode="NULLABLE" if relaxed else field.mode,
                description=field.description if other.description is None else other.description,
                default=other.default,
                fields=_merged(other.fields, field.fields) if field.type == other.type else field.fields,
            )
        )
    return (*made, *(f for f in asked.values() if not f.required))
