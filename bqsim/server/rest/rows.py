"""Pages of rows as the JSON of replies."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid
from bqsim.sim.gate import note

from .reply import Raw

if TYPE_CHECKING:
    from bqsim.jobs import ResultPage
    from bqsim.types.wire import WireOptions

    from .request import Request

# Pages with more cells are encoded in a thread.
ENCODE_INLINE_CELLS = 5_000


def wire_options(int64_timestamp: bool, timestamp_format: str | None) -> WireOptions:
    """How TIMESTAMP cells are spelled: ``formatOptions`` of a request."""
    from bqsim.types.text import TimestampFormat
    from bqsim.types.wire import WireOptions

    if not timestamp_format or timestamp_format == "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED":
        return WireOptions(TimestampFormat.INT64 if int64_timestamp else TimestampFormat.FLOAT64)
    if int64_timestamp:
        raise invalid(
            "Only one of formatOptions.useInt64Timestamp and formatOptions.timestampOutputFormat can be set.",
            "formatOptions",
        )
    if timestamp_format not in TimestampFormat.__members__:
        raise invalid(f"Invalid value for timestampOutputFormat: {timestamp_format[:60]}", "formatOptions")
    return WireOptions(TimestampFormat[timestamp_format])


@dataclass(frozen=True, slots=True)
class ArrowOptions:
    """Rows as an Arrow record batch; ``codec`` is Arrow's name of a buffer compression."""

    codec: str | None


_FORMATS = frozenset({"QUERY_RESULTS_FORMAT_UNSPECIFIED", "STRUCT_ENCODING", "ARROW"})


def arrow_options(body: dict[str, Any]) -> ArrowOptions | None:
    """What ``queryResultsFormat`` ARROW asks for; None for rows as JSON."""
    asked = body.get("queryResultsFormat") or "STRUCT_ENCODING"
    if asked not in _FORMATS:
        raise invalid(f"Invalid value for queryResultsFormat: {asked[:60]}", "queryResultsFormat")
    options = body.get("arrowSerializationOptions") or {}
    if asked != "ARROW":
        if options:
            raise invalid(
                "arrowSerializationOptions can be set only if queryResultsFormat is ARROW.",
                "arrowSerializationOptions",
            )
        return None
    from bqsim.storage.read.arrow_format import CODECS

    compression = options.get("bufferCompression") or "COMPRESSION_UNSPECIFIED"
    if compression not in CODECS:
        raise invalid(f"Invalid value for bufferCompression: {compression[:60]}", "arrowSerializationOptions")
    return ArrowOptions(CODECS[compression])


def query_options(request: Request) -> WireOptions:
    """``formatOptions`` given as query parameters."""
    return wire_options(
        request.flag("formatOptions.useInt64Timestamp"),
        request.text("formatOptions.timestampOutputFormat"),
    )


def body_options(body: dict[str, Any]) -> WireOptions:
    """``formatOptions`` given in a body."""
    options = body.get("formatOptions") or {}
    return wire_options(bool(options.get("useInt64Timestamp")), options.get("timestampOutputFormat"))


async def encode_page(page: ResultPage, options: WireOptions) -> Raw | None:
    """The ``rows`` of a page, None when it has none."""
    from bqsim.types.wire import encode_rows

    if not page.rows.num_rows:
        return None
    kept = page.encoded
    if kept is not None:
        rows = kept.get(options)
        if rows is None:
            rows = kept[options] = Raw(encode_rows(page.fields, page.rows, options))
    elif page.rows.num_rows * len(page.fields) <= ENCODE_INLINE_CELLS:
        rows = Raw(encode_rows(page.fields, page.rows, options))
    else:
        loop = asyncio.get_running_loop()
        rows = Raw(await loop.run_in_executor(None, encode_rows, page.fields, page.rows, options))
    note(rows=page.rows.num_rows, bytes=len(rows))
    return rows


async def encode_arrow_page(page: ResultPage, options: ArrowOptions) -> dict[str, Any]:
    """The members of a reply that hold a page as an Arrow schema and record batch."""
    loop = asyncio.get_running_loop()
    members = await loop.run_in_executor(None, _arrow_members, page, options)
    note(rows=page.rows.num_rows, bytes=len(members.get("arrowRecordBatch", b"")))
    return members


def _arrow_members(page: ResultPage, options: ArrowOptions) -> dict[str, Any]:
    from bqsim.storage.read.arrow_format import one_batch, service_schema

    schema = base64.b64encode(service_schema(page.fields).serialize()).decode()
    count = page.rows.num_rows
    members: dict[str, Any] = {"arrowSchema": {"serializedSchema": schema}, "pageRowCount": str(count)}
    if count:
        batch = base64.b64encode(one_batch(page.rows, page.fields, options.codec))
        text = b'{"serializedRecordBatch":"%s","rowCount":"%d"}' % (batch, count)
        members["arrowRecordBatch"] = Raw(text)
    return members
