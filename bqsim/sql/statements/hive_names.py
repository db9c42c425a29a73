"""Columns in the names of files: ``…/key=value/…`` below a prefix (page *Loading externally partitioned
data*)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bqsim.engine.formats.detect import joined, text_kind
from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, TypeKind
from bqsim.types.api_schema import fields_from_api
from bqsim.types.values import array_of_values, parse_cell

if TYPE_CHECKING:
    import pyarrow as pa

MODES = frozenset({"AUTO", "STRINGS", "CUSTOM"})
# Page "Loading externally partitioned data": at most this many keys.
MAX_KEYS = 10
_PAIR = re.compile(r"([^/=]+)=([^/]*)/")
_TYPED = re.compile(r"\{(\w+):(\w+)\}")
_NULL = "__HIVE_DEFAULT_PARTITION__"
# Kinds that values in names are detected as.
_DETECTED = frozenset({TypeKind.INT64, TypeKind.DATE, TypeKind.TIMESTAMP})

Pairs = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class HiveNames:
    """A ``HivePartitioningOptions`` object: ``fields`` are those of the mode CUSTOM.

    ``filtered``: queries of the table must filter on the keys.
    """

    mode: str
    prefix: str
    fields: tuple[Field, ...] = ()
    filtered: bool = False

    def pairs(self, uri: str) -> Pairs:
        """The keys and values in the name of a file. Raises ``invalid`` for one that is not below the
        prefix."""
        if not uri.startswith(self.prefix):
            raise invalid(f"Source URI {uri} does not match the hive partitioning prefix {self.prefix}")
        found = pairs_in(uri[len(self.prefix) :])
        if len(found) > MAX_KEYS:
            raise invalid(f"Hive partitioning has {len(found)} keys, limit is {MAX_KEYS}: {uri}")
        return found

    def columns(self, uris: Sequence[str]) -> tuple[Field, ...]:
        """The columns that names of files give: all must have the same keys in the same order."""
        found = [self.pairs(uri) for uri in uris]
        keys = list(found[0]) if found else []
        for uri, pairs in zip(uris, found, strict=True):
            if list(pairs) != keys:
                raise invalid(
                    f"Incompatible hive partition schemas. Partition keys of {uri} are {list(pairs)}, "
                    f"those of {uris[0]} are {keys}"
                )
        if not keys and found:
            raise invalid(f"No hive partition keys found below the prefix {self.prefix}")
        if self.mode == "CUSTOM":
            if [f.name.casefold() for f in self.fields] != [k.casefold() for k in keys]:
                raise invalid(
                    f"Hive partition keys {keys} do not match those of the source URI prefix, "
                    f"{[f.name for f in self.fields]}"
                )
            return self.fields
        if self.mode == "STRINGS":
            return tuple(Field(key, TypeKind.STRING) for key in keys)
        return tuple(Field(key, key_kind([p[key] for p in found])) for key in keys)


def pairs_in(path: str) -> dict[str, str | None]:
    """The keys and values in a part of a file's name."""
    return {k: None if v == _NULL else unquote(v) for k, v in _PAIR.findall(path)}


def key_kind(texts: Sequence[str | None]) -> TypeKind:
    """The kind that values of a key are detected as."""
    kind: TypeKind | None = None
    for text in texts:
        if text is not None:
            kind = joined(kind, text_kind(text))
    return kind if kind in _DETECTED else TypeKind.STRING


def hive_names(given: Mapping[str, Any], uris: Sequence[str]) -> HiveNames | None:
    """The options of ``hivePartitioningOptions``; None for none. Raises ``invalid``."""
    if not given:
        return None
    mode = str(given.get("mode") or "AUTO").upper()
    if mode not in MODES:
        raise invalid(f"Invalid value for hivePartitioningOptions.mode: {mode} is not a valid value")
    text = str(given.get("sourceUriPrefix") or "")
    if not text:
        raise invalid("hivePartitioningOptions.sourceUriPrefix must be specified")
    prefix, brace, _ = text.partition("{")
    fields: tuple[Field, ...] = ()
    if mode == "CUSTOM":
        typed = _TYPED.findall(text)
        if not typed:
            raise invalid(f"Hive partitioning mode CUSTOM needs keys with types in the prefix: {text}")
        fields = fields_from_api([{"name": name, "type": type_} for name, type_ in typed])
    elif brace:
        raise invalid(f"Only the hive partitioning mode CUSTOM takes keys in the prefix: {text}")
    if not prefix.endswith("/"):
        prefix += "/"
    for uri in uris:
        if not uri.startswith(prefix):
            raise invalid(f"Source URI {uri} does not match the hive partitioning prefix {prefix}")
    return HiveNames(mode, prefix, fields, bool(given.get("requirePartitionFilter")))


def constant_column(field: Field, text: str | None, rows: int, uri: str) -> pa.Array:
    """The column of a key in the rows of one file. Raises ``invalid`` for a text that is no value of it."""
    try:
        value = None if text is None else parse_cell(text, field)
    except (BigQueryError, ValueError):
        raise invalid(
            f"Error while reading data, error message: Failed to parse value '{text}' of partition key "
            f"{field.name} as {field.kind}. File: {uri}",
            uri,
        ) from None
    return repeated(field, value, rows)


def repeated(field: Field, value: Any, rows: int) -> pa.Array:
    """A column that has one value in all rows."""
    import pyarrow as pa

    return pa.repeat(array_of_values(field.type, [value])[0], rows)
