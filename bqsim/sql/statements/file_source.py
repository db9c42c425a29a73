"""Files in Cloud Storage as rows, with the columns that their names give (hive partitions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from bqsim.engine.formats import files
from bqsim.engine.formats.parsed import Parsed
from bqsim.errors import BigQueryError, invalid, invalid_query, not_found, unsupported
from bqsim.objects import ObjectInfo, ObjectStore, parse_uri
from bqsim.objects.uris import SCHEME
from bqsim.types import Field, TypeKind
from bqsim.types.values import parse_cell

from .file_options import file_options
from .hive_names import key_kind, pairs_in, repeated
from .loading import named

if TYPE_CHECKING:
    import pyarrow as pa

FILE_NAME = Field("_FILE_NAME", TypeKind.STRING)
_SCHEMES_ELSEWHERE = ("s3://", "azure://", "https://", "abfss://", "spanner")

# How many messages about bad records are kept.
MAX_TOLD = 100


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Some rows of the files, canonical; ``bytes`` is the size of the file when they are its first.

    ``bad`` is the number of records among them that are left out.
    """

    rows: pa.Table
    bytes: int
    bad: int = 0


@dataclass(frozen=True, slots=True)
class FileSource:
    """The files of an ``ExternalDataConfiguration``.

    ``partitions`` are the columns in their names: None without any, empty when they are to be detected.
    ``manifests``: the URIs are of files that list others. ``reference`` is the file that has the schema.
    ``detecting``: the first line of a CSV file may be a header.
    """

    uris: tuple[str, ...]
    options: files.FileOptions
    prefix: str = ""
    partitions: tuple[Field, ...] | None = None
    manifests: bool = False
    reference: str | None = None
    detecting: bool = False

    def matching(self, store: ObjectStore) -> list[ObjectInfo]:
        """The files, in the order of the URIs. Raises ``notFound`` for a URI without any."""
        found: dict[str, ObjectInfo] = {}
        for uri in self._listed(store):
            matches = store.glob(uri)
            if not matches:
                raise not_found("URI", uri)
            found.update((info.uri, info) for info in matches)
        return list(found.values())

    def _listed(self, store: ObjectStore) -> Sequence[str]:
        """The URIs, read from the manifests that name them, a file on each line, when they are so given."""
        if not self.manifests:
            return self.uris
        listed: list[str] = []
        for uri in self.uris:
            if not store.glob(uri):
                raise not_found("URI", uri)
            lines = store.read(uri).decode("utf-8", "replace").splitlines()
            listed += [line.strip() for line in lines if line.strip()]
        for uri in listed:
            _check(uri)
            if "*" in uri:
                raise invalid(f"Wildcards are not allowed in manifest files: {uri}")
        return listed

    def partition_fields(self, infos: Sequence[ObjectInfo]) -> tuple[Field, ...]:
        """The columns that the names of files give."""
        if self.partitions is None:
            return ()
        pairs = [self._pairs(info) for info in infos]
        if self.partitions:
            return self.partitions
        keys = list(pairs[0]) if pairs else []
        return tuple(Field(key, key_kind([values.get(key) for values in pairs])) for key in keys)

    def detect(self, store: ObjectStore) -> tuple[Field, ...]:
        """The fields of the files' rows, those of the names last."""
        infos = self.matching(store)
        if self.reference is not None and not store.glob(self.reference):
            raise not_found("URI", self.reference)
        example = infos[0].uri if self.reference is None else self.reference
        with store.open(example) as stream:
            fields, _ = files.detect(stream, self.options)
        return (*fields, *self.partition_fields(infos))

    def batches(
        self, store: ObjectStore, fields: Sequence[Field], *, with_names: bool = False
    ) -> Iterator[FileBatch]:
        """Canonical rows for ``fields``, a bounded number at a time; ``with_names`` adds their URIs
        as the last column. Raises ``invalid`` when more records are bad than the options take, at
        the latest at the end."""
        infos = self.matching(store)
        names = {f.name.casefold() for f in self.partition_fields(infos)}
        own = tuple(f for f in fields if f.name.casefold() not in names)
        bad: list[str] = []
        errors = total = 0
        for info in infos:
            size = info.size
            for parsed in self._parsed(store, info, own):
                total += parsed.rows.num_rows
                errors += len(parsed.bad)
                bad += [named(text, info.uri) for text in parsed.bad[: MAX_TOLD - len(bad)]]
                if errors > self.options.max_bad_records + MAX_TOLD:
                    files.check_bad(self.options, bad, total, errors)
                rows = self._with_columns(parsed.rows, info, fields, own, with_names)
                yield FileBatch(rows, size, len(parsed.bad))
                size = 0
        files.check_bad(self.options, bad, total, errors)

    def _parsed(self, store: ObjectStore, info: ObjectInfo, fields: tuple[Field, ...]) -> Iterator[Parsed]:
        with store.open(info.uri) as stream:
            try:
                yield from files.batches(stream, fields, self._completed(stream, fields))
            except BigQueryError as error:
                raise invalid(named(error.message, info.uri), error.location) from None

    def rows(
        self, store: ObjectStore, fields: Sequence[Field], *, with_names: bool = False
    ) -> tuple[pa.Table, int]:
        """All rows of :meth:`batches` at once, and the bytes of the files."""
        import pyarrow as pa

        from bqsim.types.arrow import empty_table

        found = list(self.batches(store, fields, with_names=with_names))
        if not found:
            return empty_table([*fields, FILE_NAME] if with_names else fields), 0
        return pa.concat_tables([batch.rows for batch in found]), sum(batch.bytes for batch in found)

    def _completed(self, stream: BinaryIO, fields: Sequence[Field]) -> files.FileOptions:
        """The options with the header of a CSV file known, when nothing is said of it."""
        options = self.options
        if options.format != "CSV" or options.csv.skip_leading_rows is not None or not fields:
            return options
        return files.detect(stream, options)[1] if self.detecting else options

    def _with_columns(
        self, rows: pa.Table, info: ObjectInfo, fields: Sequence[Field], own: Sequence[Field], names: bool
    ) -> pa.Table:
        import pyarrow as pa

        pairs = {k.casefold(): v for k, v in self._pairs(info).items()} if self.partitions is not None else {}
        by_name = {f.name: rows.column(i) for i, f in enumerate(own)}
        columns: list[Any] = []
        for field in fields:
            if field.name in by_name:
                columns.append(by_name[field.name])
                continue
            text = pairs.get(field.name.casefold())
            value = None if text is None else parse_cell(text, field)
            columns.append(repeated(field, value, rows.num_rows))
        if names:
            columns.append(repeated(FILE_NAME, info.uri, rows.num_rows))
        labels = [f"c{i}" for i in range(1, len(columns) + 1)]
        return pa.Table.from_arrays(columns, names=labels)

    def _pairs(self, info: ObjectInfo) -> dict[str, str | None]:
        """The keys and values in the name of a file, after the prefix."""
        return pairs_in(info.uri.removeprefix(self.prefix))


def source_of(
    config: Mapping[str, Any], partitions: tuple[Field, ...] | None = None, *, detecting: bool = False
) -> FileSource:
    """The files that an ``ExternalDataConfiguration`` is about; what is wrong with it is raised."""
    uris = tuple(config.get("sourceUris") or ())
    if not uris:
        raise invalid("External table definition must specify at least one source URI")
    for uri in uris:
        _check(uri)
    hive = config.get("hivePartitioningOptions") or {}
    if partitions is None and hive.get("mode"):
        from bqsim.types.api_schema import fields_from_api

        listed = hive.get("fields")
        partitions = fields_from_api(listed) if listed else ()
    prefix = str(hive.get("sourceUriPrefix") or "")
    prefix = prefix.partition("{")[0]
    if partitions is not None and prefix and not prefix.endswith("/"):
        prefix += "/"
    options = file_options(config)
    reference = config.get("referenceFileSchemaUri") or None
    if reference is not None and options.format not in files.SELF_DESCRIBING:
        raise invalid_query("Option reference_file_schema_uri is only allowed for AVRO, ORC, PARQUET files")
    return FileSource(uris, options, prefix, partitions, _has_manifests(config), reference, detecting)


def _has_manifests(config: Mapping[str, Any]) -> bool:
    """Whether the URIs are of manifests (page *FileSetSpecType*)."""
    given = str(config.get("fileSetSpecType") or "FILE_SYSTEM_MATCH").upper()
    name = given.removeprefix("FILE_SET_SPEC_TYPE_")
    if name not in ("FILE_SYSTEM_MATCH", "NEW_LINE_DELIMITED_MANIFEST"):
        raise invalid_query(f"Invalid value for option 'file_set_spec_type': {name}")
    return name == "NEW_LINE_DELIMITED_MANIFEST"


def _check(uri: str) -> None:
    if uri.startswith(_SCHEMES_ELSEWHERE):
        raise unsupported(f"Reading {uri.partition(':')[0]} URIs")
    if not uri.startswith(SCHEME):
        raise invalid(f"Invalid source URI: {uri}")
    parsed = parse_uri(uri)
    if parsed.wildcards > 1:
        raise invalid_query(f"Only one wildcard is allowed in a URI, but {uri} has {parsed.wildcards}")
