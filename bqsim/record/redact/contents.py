"""Whole bodies without their secrets, by what they hold."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .packed import packed, repacked
from .pseudonyms import mark
from .rows import Rows
from .texts import Texts

_BOUNDARY = re.compile(r'boundary=("[^"]+"|[^;\s]+)', re.I)
# Beginnings that nothing else has.
_CUT_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:ya29\.|AIza|GOCSPX-|eyJ|AKIA|ASIA|GOOG1|gh[pousr]_|github_pat_|glpat-|xox[abprs]-"
    r"|[srp]k_live_|[srp]k_test_|whsec_|sk-(?:proj|ant)-|sk-|hf_|npm_|pypi-|dckr_pat_|SG\.|dop_v1_|shpat_|dapi"
    r"|hvs\.|NRAK-|glsa_|lin_api_|PMAK-|AGE-SECRET-KEY-|tskey-|1//0|4/0A)[\w\-./+=]{6,}$"
)
_UPLOADS = frozenset(
    (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/octet-stream",
        "text/plain",
        "*/*",
    )
)
_LINE = re.compile(r"\s*\{[^\n]*\}\s*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ARROW_FILE, _PARQUET, _AVRO, _ORC = b"ARROW1", b"PAR1", b"Obj\x01", b"ORC"
_CONTINUED = b"\xff\xff\xff\xff"
_DEEPEST = 4
_REQUEST_LINE = re.compile(r"(?P<verb>[A-Z]+) (?P<target>\S+)(?P<rest>.*)", re.S)


class Contents:
    """Redacts bodies."""

    def __init__(
        self, texts: Texts, rows: Rows, headers: Callable[[Any], Any], target: Callable[[str], str]
    ) -> None:
        self.texts, self.rows, self.headers, self.target = texts, rows, headers, target

    def content(self, data: bytes, media: str = "", table: str = "", depth: int = 0) -> bytes:
        """``data`` without secrets; the same bytes when it has none."""
        if not data or depth > _DEEPEST:
            return data
        if packed(data):
            return repacked(data, lambda inside: self.content(inside, _plain_media(media), table, depth + 1))
        kind = media.partition(";")[0].strip().lower()
        if kind.startswith("multipart/") and (found := _BOUNDARY.search(media)):
            return self._multipart(data, found[1].strip('"').encode("latin-1"), table, depth)
        for sign, work in (
            (data.startswith(_PARQUET), self._parquet),
            (data.startswith(_ORC), self._orc),
            (data.startswith(_AVRO), self._avro),
            (data.startswith((_ARROW_FILE, _CONTINUED)), self._arrow),
        ):
            if sign and (made := work(data, table)) is not None:
                return made
        if kind == "application/http":
            return self._http(data, table, depth)
        if kind == "application/x-www-form-urlencoded":
            return self.target("?" + data.decode("utf-8", "surrogateescape"))[1:].encode(
                "utf-8", "surrogateescape"
            )
        if "protobuf" in kind or kind.startswith("application/grpc"):
            return self.message(data)
        return self._textual(data, kind, table)

    def _textual(self, data: bytes, kind: str, table: str) -> bytes:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            if data.startswith((b"\xff\xfe", b"\xfe\xff")):
                wide = data.decode("utf-16", "replace")
                if sum(c < "\x80" for c in wide) * 2 > len(wide):
                    made = self._text(wide, kind, table)
                    return data if made == wide else made.encode("utf-16", "surrogatepass")
            return self.message(data)
        if "\0" in text or sum(c < " " and c not in "\t\r\n\f" for c in text[:4096]) * 10 > min(
            len(text), 4096
        ):
            return self.message(data)
        return self._text(text, kind, table).encode("utf-8", "surrogatepass")

    def _text(self, text: str, kind: str, table: str) -> str:
        start = text.lstrip("\ufeff \t\r\n")[:1]
        if start in ("{", "["):
            # One row alone looks like any object: in what is uploaded it is a row.
            rows = start == "{" and kind in _UPLOADS and not self.rows.policy.keeps_rows
            made = self._ndjson(text, table) if rows and _LINE.fullmatch(text) else self._json(text, table)
            if made is None and start == "{":
                made = self._ndjson(text, table)
            # Half a document, or what a client made wrong: string by string.
            return made if made is not None else self.pieces(text)
        if kind == "text/csv" or self._table_of_text(text):
            return self._csv(text, table)
        return self.texts.redact(text)

    # --- JSON

    def _json(self, text: str, table: str) -> str | None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        made = self.value(value, table)
        return text if made == value else _dumped(made, text)

    def value(self, value: Any, table: str = "") -> Any:
        """The JSON of a request or answer: rows in it by the rules of rows, the rest by name and form."""
        if isinstance(value, list) and any(isinstance(row, dict) and set(row) == {"f"} for row in value):
            return self.rows.rows(value, None, table)
        if not isinstance(value, dict):
            return self.texts.value(value)
        rows = value.get("rows")
        if isinstance(rows, list) and any(
            isinstance(row, dict) and ("f" in row or "json" in row) for row in rows
        ):
            rest = {name: item for name, item in value.items() if name != "rows"}
            done = self.texts.value(rest)
            made = self._rows(rows, value.get("schema"), table or _table_of(value))
            return {name: made if name == "rows" else done.get(name, item) for name, item in value.items()}
        return self.texts.value(value)

    def _rows(self, rows: list[Any], schema: Any, table: str) -> list[Any]:
        if all(isinstance(row, dict) and "json" in row for row in rows):
            bodies = self.rows.dicts([row["json"] for row in rows], schema, table)
            return [{**row, "json": body} for row, body in zip(rows, bodies, strict=True)]
        return self.rows.rows(rows, schema, table)

    def _ndjson(self, text: str, table: str) -> str | None:
        lines = text.split("\n")
        made, rows = [], 0
        for line in lines:
            if not line.strip():
                made.append(line)
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                made.append(self.pieces(line))
                continue
            rows += 1
            done = self.rows.dicts([value], None, table)[0]
            made.append(line if done == value else _dumped(done, line))
        return "\n".join(made) if rows else None

    def pieces(self, text: str) -> str:
        """JSON that is not whole: its strings one by one, each with the name before it."""
        made: list[str] = []
        at, name = 0, ""
        for found in _STRING.finditer(text):
            between = text[at : found.start()]
            made.append(self.texts.redact(between, entropy=False))
            at = found.end()
            try:
                value = json.loads(found.group(), strict=False)
            except ValueError:
                made.append(self.texts.redact(found.group()))
                continue
            named = text[at : at + 8].lstrip()[:1] == ":"
            asked = "" if named or between.strip() != ":" else name
            done = self.texts.redact(value, entropy=False) if named else self.texts.value(value, asked)
            made.append(found.group() if done == value else json.dumps(done, ensure_ascii=False))
            name = value if named else ""
        rest = text[at:]
        # A string that is cut off.
        opened = rest.find('"')
        if opened >= 0 and self.texts.policy.secret_name(name) and rest[:opened].strip() == ":":
            rest = rest[: opened + 1] + self.texts.named(rest[opened + 1 :], name)
        made.append(self.texts.redact(cut_token(rest)))
        return "".join(made)

    # --- other texts

    def _table_of_text(self, text: str) -> bool:
        """Whether it is CSV with a first line of names, one of which is of a secret."""
        first = text.partition("\n")[0]
        if not 0 < first.count(",") < 10_000 or '"' in first or len(first) > 100_000:
            return False
        names = first.strip().split(",")
        return all(re.fullmatch(r"[A-Za-z_][\w .\-]{0,127}", name) for name in names) and (
            not self.rows.policy.keeps_rows or any(map(self.rows.policy.secret_name, names))
        )

    def _csv(self, text: str, table: str) -> str:
        first = text.partition("\n")[0].strip().lstrip("\ufeff")
        names = next(csv.reader([first]), [])
        policy = self.rows.policy
        if policy.keeps_rows and not any(map(policy.secret_name, names)):
            return self.texts.redact(text, entropy=False)
        try:
            lines = list(csv.reader(io.StringIO(text, newline="")))
        except csv.Error:
            return self.texts.redact(text, entropy=False)
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n" if "\r\n" in text[:4096] else "\n")
        writer.writerow(lines[0])
        for line in lines[1:]:
            row = dict(zip(names, line, strict=False))
            writer.writerow([*self.rows.dicts([row], None, table)[0].values(), *line[len(names) :]])
        made = out.getvalue()
        return made if text.endswith("\n") else made.rstrip("\r\n")

    def _http(self, data: bytes, table: str, depth: int) -> bytes:
        """A request or an answer inside a batch."""
        split = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
        head, found, body = data.partition(split)
        line = split[: len(split) // 2].decode()
        first, *fields = head.decode("latin-1").split(line)
        asked = _REQUEST_LINE.fullmatch(first)
        if asked:
            first = f"{asked['verb']} {self.target(asked['target'])}{asked['rest']}"
        headers = self._header_lines(fields)
        media = next((f.partition(":")[2] for f in fields if f.lower().startswith("content-type:")), "")
        done = self.content(body, media.strip(), table, depth + 1)
        if done != body:
            headers = _with_length(headers, len(done))
        return line.join((first, *headers)).encode("latin-1", "replace") + found + done

    def _header_lines(self, lines: list[str]) -> list[str]:
        made = []
        for line in lines:
            name, colon, value = line.partition(":")
            done = self.headers(((name.strip().lower(), value.strip()),))
            made.append(line if not colon or done[0][1] == value.strip() else f"{name}: {done[0][1]}")
        return made

    def _multipart(self, data: bytes, boundary: bytes, table: str, depth: int) -> bytes:
        delimiter = b"--" + boundary
        pieces = data.split(delimiter)
        made = [pieces[0]]
        for piece in pieces[1:]:
            made.append(self._part(piece, table, depth))
        return delimiter.join(made)

    def _part(self, piece: bytes, table: str, depth: int) -> bytes:
        if piece.startswith(b"--") and not piece.strip(b"-\r\n"):
            return piece
        split = b"\r\n\r\n" if b"\r\n\r\n" in piece else b"\n\n"
        head, found, body = piece.partition(split)
        if not found:
            return self._textual(piece, "", table)
        line = split[: len(split) // 2]
        lines = head.decode("latin-1").split(line.decode())
        media = next((f.partition(":")[2] for f in lines if f.lower().startswith("content-type:")), "")
        ended = body.endswith(line)
        inside = body[: -len(line)] if ended else body
        done = self.content(inside, media.strip(), table, depth + 1)
        headers = [lines[0], *self._header_lines(lines[1:])]
        if done != inside:
            headers = _with_length(headers, len(done))
        return (
            line.join(h.encode("latin-1", "replace") for h in headers)
            + found
            + done
            + (line if ended else b"")
        )

    # --- rows in files

    def _arrow(self, data: bytes, table: str) -> bytes | None:
        import pyarrow as pa

        whole = data.startswith(_ARROW_FILE)
        try:
            reader = pa.ipc.open_file(data) if whole else pa.ipc.open_stream(data)
            batches = (
                [reader.get_batch(n) for n in range(reader.num_record_batches)] if whole else list(reader)
            )
        except (pa.ArrowException, OSError, ValueError):
            return None
        made = [self.rows.batch(batch, table) for batch in batches]
        if all(a.equals(b, check_metadata=True) for a, b in zip(made, batches, strict=True)):
            return data
        out = pa.BufferOutputStream()
        with (pa.ipc.new_file if whole else pa.ipc.new_stream)(out, reader.schema) as writer:
            for batch in made:
                writer.write_batch(batch)
        return bytes(out.getvalue().to_pybytes())

    def _parquet(self, data: bytes, table: str) -> bytes | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(pa.BufferReader(data))
            read = file.read()
        except (pa.ArrowException, OSError, ValueError):
            return None
        made = self._table(read, table)
        if made is None:
            return data
        out = pa.BufferOutputStream()
        used = file.metadata.row_group(0).column(0).compression if file.metadata.num_row_groups else "SNAPPY"
        pq.write_table(made, out, compression="NONE" if used == "UNCOMPRESSED" else used)
        return bytes(out.getvalue().to_pybytes())

    def _orc(self, data: bytes, table: str) -> bytes | None:
        import pyarrow as pa
        from pyarrow import orc

        try:
            read = orc.ORCFile(pa.BufferReader(data)).read()
        except (pa.ArrowException, OSError, ValueError):
            return None
        made = self._table(read, table)
        if made is None:
            return data
        out = pa.BufferOutputStream()
        orc.write_table(made, out)
        return bytes(out.getvalue().to_pybytes())

    def _table(self, read: Any, table: str) -> Any:
        """An Arrow table redacted; None when nothing changes."""
        import pyarrow as pa

        batches = read.to_batches()
        made = [self.rows.batch(batch, table) for batch in batches]
        if all(a.equals(b) for a, b in zip(made, batches, strict=True)):
            return None
        return pa.Table.from_batches(made, schema=read.schema)

    def _avro(self, data: bytes, table: str) -> bytes | None:
        import fastavro

        try:
            reader = fastavro.reader(io.BytesIO(data))
            schema, codec = reader.writer_schema, reader.codec
            records = list(reader)
            made = self.records(records, schema, table)
            if made == records:
                return data
            out = io.BytesIO()
            # The mark between blocks is drawn by chance otherwise.
            fastavro.writer(out, schema, made, codec=codec, sync_marker=b"bqsim-redacted--")
        except (ValueError, TypeError, EOFError, KeyError, IndexError, OSError):
            return None
        return out.getvalue()

    def records(self, records: list[Any], schema: Any, table: str = "") -> list[Any]:
        """Avro records: through Python values."""
        fields = schema.get("fields", []) if isinstance(schema, dict) else []
        optional = {f["name"]: isinstance(f.get("type"), list) for f in fields}
        return [
            {
                name: self._avro_value(value, name, name, optional.get(name, True), table)
                for name, value in record.items()
            }
            if isinstance(record, dict)
            else record
            for record in records
        ]

    def _avro_value(self, value: Any, name: str, place: str, optional: bool, table: str) -> Any:
        if value is None:
            return None
        if isinstance(value, list):
            return [self._avro_value(item, name, place, optional, table) for item in value]
        if isinstance(value, dict):
            return {k: self._avro_value(v, k, f"{place}.{k}", True, table) for k, v in value.items()}
        return self.rows.python(value, name, place, optional, table)

    # --- protocol buffers

    def message(self, data: bytes, depth: int = 0) -> bytes:
        """A message whose fields are not known: texts in it redacted, other bytes in their length."""
        made = self._fields(data, depth)
        return self.texts.masked(data if made is None else made)

    def _fields(self, data: bytes, depth: int) -> bytes | None:
        """The message again; None when it is none."""
        from bqsim.codecs import wire

        out = bytearray()
        at = 0
        try:
            while at < len(data):
                start = at
                tag, at = wire.read_varint(data, at)
                if tag < 8 or tag >> 3 > 536_870_911:
                    return None
                kind = tag & 7
                if kind == wire.VARINT:
                    _, at = wire.read_varint(data, at)
                elif kind == wire.BYTES:
                    size, at = wire.read_varint(data, at)
                    inner = data[at : at + size]
                    if len(inner) < size:
                        return None
                    at += size
                    made = self._field(inner, depth)
                    if made != inner:
                        out += wire.varint(tag) + wire.varint(len(made)) + made
                        continue
                elif kind in (wire.FIXED64, wire.FIXED32):
                    at += 8 if kind == wire.FIXED64 else 4
                    if at > len(data):
                        return None
                else:
                    return None
                out += data[start:at]
        except ValueError:
            return None
        return bytes(out)

    def _field(self, data: bytes, depth: int) -> bytes:
        if len(data) < 6:
            return data
        if packed(data) or data.startswith((_CONTINUED, _PARQUET, _AVRO, _ARROW_FILE)):
            return self.content(data, "", "", depth + 1) if depth < _DEEPEST else data
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if text and all(c >= " " or c in "\t\r\n" for c in text):
            return self.texts.redact(text, entropy=False).encode("utf-8", "surrogatepass")
        made = self._fields(data, depth + 1) if depth < 16 else None
        return self.texts.masked(data) if made is None else made


def cut_token(text: str) -> str:
    """``text`` without the beginning of a token that is cut off at its end."""
    found = _CUT_TOKEN.search(text)
    return text if found is None else text[: found.start()] + mark("cut-token")


def _dumped(value: Any, text: str) -> str:
    """``value`` as JSON in the manner of ``text``: its indents and spaces."""
    found = re.match(r"\s*[{\[]\r?\n([ \t]+)", text)
    indent = found[1] if found else None
    tight = re.match(r'\s*\{"[^"]*":\S', text) is not None
    made = json.dumps(
        value,
        ensure_ascii=False,
        indent=indent,
        separators=(",", ":") if tight and indent is None else None,
    )
    return made + ("\n" if text.endswith("\n") else "")


def _with_length(lines: list[str], size: int) -> list[str]:
    return [
        f"{line.partition(':')[0]}: {size}" if line.lower().startswith("content-length:") else line
        for line in lines
    ]


def _plain_media(media: str) -> str:
    return "" if "gzip" in media or "zstd" in media or "octet-stream" in media else media


def _table_of(value: Mapping[str, Any]) -> str:
    """The table that a JSON answer names."""
    named = value.get("tableReference") or value.get("destinationTable")
    if not isinstance(named, dict):
        return ""
    return ".".join(str(named.get(part, "")) for part in ("projectId", "datasetId", "tableId"))
