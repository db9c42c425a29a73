"""Reads and appends by the Storage API, as recorded operations ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bqsim.record.model import Operation

from .grpc_schema import message_problems
from .observed import Observed, arrow_rows
from .targets import Target

if TYPE_CHECKING:
    import pyarrow as pa

    from .sending import Sender

_READ = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
_WRITE = "/google.cloud.bigquery.storage.v1.BigQueryWrite/"
_TIMEOUT_S = 120
_BATCH_ROWS = 5000
_OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


@contextmanager
def _channel(target: Target) -> Iterator[Any]:
    import grpc

    if target.token:
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(), grpc.access_token_call_credentials(target.token)
        )
        made = grpc.secure_channel(target.grpc, credentials, options=_OPTIONS)
    else:
        made = grpc.insecure_channel(target.grpc, options=_OPTIONS)
    with made as channel:
        yield channel


def read_rows(sender: Sender, operation: Operation, out: Observed) -> None:
    """Read a table by a session of one stream in Arrow."""
    import grpc
    import pyarrow as pa

    from bqsim.storage.v1 import read_pb2, stream_pb2

    request = sender.bound.rendered(operation.request, operation.name)
    session = stream_pb2.ReadSession(table=request["table"], data_format=stream_pb2.ARROW)
    options = session.read_options
    options.selected_fields.extend(request.get("fields") or ())
    options.row_restriction = request.get("restriction") or ""
    if request.get("sample"):
        options.sample_percentage = float(request["sample"])
    if request.get("snapshot"):
        session.table_modifiers.snapshot_time.FromJsonString(request["snapshot"])
    parent = f"projects/{sender.target.project}"
    asked = read_pb2.CreateReadSessionRequest(parent=parent, read_session=session, max_stream_count=1)
    with _channel(sender.target) as channel:
        create = channel.unary_unary(
            f"{_READ}CreateReadSession",
            read_pb2.CreateReadSessionRequest.SerializeToString,
            stream_pb2.ReadSession.FromString,
        )
        read = channel.unary_stream(
            f"{_READ}ReadRows",
            read_pb2.ReadRowsRequest.SerializeToString,
            read_pb2.ReadRowsResponse.FromString,
        )
        try:
            made = create(asked, timeout=_TIMEOUT_S, metadata=_route("read_session.table", request["table"]))
            _hold(out, "BigQueryRead.CreateReadSession", made)
            schema = pa.ipc.read_schema(pa.py_buffer(made.arrow_schema.serialized_schema))
            batches = []
            for stream in made.streams:
                wanted = read_pb2.ReadRowsRequest(read_stream=stream.name)
                for page in read(wanted, timeout=_TIMEOUT_S, metadata=_route("read_stream", stream.name)):
                    _hold(out, "BigQueryRead.ReadRows", page)
                    data = pa.py_buffer(page.arrow_record_batch.serialized_record_batch)
                    batches.append(pa.ipc.read_record_batch(data, schema))
        except grpc.RpcError as error:
            out.result["error"] = _refused(error)
            return
    rows = pa.Table.from_batches(batches, schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(rows)
    out.rows = arrow_rows(sender.memory, sink.getvalue().to_pybytes(), rows.num_rows)
    out.count = rows.num_rows
    out.result |= {"totalRows": rows.num_rows, "schema": out.rows.schema}


def append_rows(sender: Sender, operation: Operation, out: Observed) -> None:
    """Append the rows of a stream, and end it as it was ended."""
    import grpc

    from bqsim.replay.rows import RecordedRows
    from bqsim.storage.v1 import stream_pb2, write_pb2

    request = operation.request
    stretches = request.get("rows") or []
    if sum(int(s["count"]) for s in stretches) != request.get("count", 0):
        out.skipped = "not all rows were kept"
        return
    table = sender.bound.rendered(request["table"], operation.name)
    rows = RecordedRows(_Blobs(sender), stretches, request.get("schema"))
    batches = rows.arrow(0, rows.end)
    kind = request.get("type") or "DEFAULT"
    recorded = operation.result
    with _channel(sender.target) as channel:
        call = _Calls(channel, out)
        try:
            name = f"{table}/streams/_default"
            if kind != "DEFAULT":
                stream = stream_pb2.WriteStream(type=stream_pb2.WriteStream.Type.Value(kind))
                asked = write_pb2.CreateWriteStreamRequest(parent=table, write_stream=stream)
                name = call("CreateWriteStream", asked, stream_pb2.WriteStream, "parent", table).name
                out.result["stream"] = {"type": kind}
            appends = list(_appends(name, batches, kind != "DEFAULT"))
            responses = call.append(appends, name)
            refused = next((r for r in responses if r.HasField("error")), None)
            if refused is not None:
                out.result["error"] = {
                    "code": grpc_name(refused.error.code),
                    "message": refused.error.message,
                }
                return
            if "finalized" in recorded:
                wanted = write_pb2.FinalizeWriteStreamRequest(name=name)
                done = call(
                    "FinalizeWriteStream", wanted, write_pb2.FinalizeWriteStreamResponse, "name", name
                )
                out.result["finalized"] = done.row_count
            if "committed" in recorded:
                commit = write_pb2.BatchCommitWriteStreamsRequest(parent=table, write_streams=[name])
                told = call(
                    "BatchCommitWriteStreams",
                    commit,
                    write_pb2.BatchCommitWriteStreamsResponse,
                    "parent",
                    table,
                )
                out.result["committed"] = not told.stream_errors
        except grpc.RpcError as error:
            out.result["error"] = _refused(error)


class _Blobs:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def blob(self, reference: dict[str, Any]) -> bytes:
        return self._sender.blob(reference)


class _Calls:
    """Calls of the write service."""

    def __init__(self, channel: Any, out: Observed) -> None:
        self._channel, self._out = channel, out

    def __call__(self, method: str, request: Any, response: Any, key: str, value: str) -> Any:
        call = self._channel.unary_unary(
            f"{_WRITE}{method}", type(request).SerializeToString, response.FromString
        )
        answer = call(request, timeout=_TIMEOUT_S, metadata=_route(key, value))
        _hold(self._out, f"BigQueryWrite.{method}", answer)
        return answer

    def append(self, requests: list[Any], stream: str) -> list[Any]:
        from bqsim.storage.v1 import write_pb2

        call = self._channel.stream_stream(
            f"{_WRITE}AppendRows",
            write_pb2.AppendRowsRequest.SerializeToString,
            write_pb2.AppendRowsResponse.FromString,
        )
        answers = list(call(iter(requests), timeout=_TIMEOUT_S, metadata=_route("write_stream", stream)))
        for answer in answers:
            _hold(self._out, "BigQueryWrite.AppendRows", answer)
        return answers


def _appends(stream: str, batches: list[pa.RecordBatch], offsets: bool) -> Iterator[Any]:
    from bqsim.storage.v1 import write_pb2

    at, first = 0, True
    for whole in batches:
        for start in range(0, whole.num_rows, _BATCH_ROWS):
            batch = whole.slice(start, _BATCH_ROWS)
            request = write_pb2.AppendRowsRequest(write_stream=stream)
            if first:
                schema = batch.schema.serialize().to_pybytes()
                request.arrow_rows.writer_schema.serialized_schema = schema
                first = False
            request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
            if offsets:
                request.offset.value = at
            at += batch.num_rows
            yield request


def grpc_name(number: int) -> str:
    """The name of a canonical code."""
    from bqsim.errors import STATUS_CODES

    return next((name for name, code in STATUS_CODES.items() if code == number), str(number))


def _hold(out: Observed, method: str, message: Any) -> None:
    """Keep what of a message its proto does not know."""
    out.messages += [(method, problem) for problem in message_problems(message)]


def _route(key: str, value: str) -> tuple[tuple[str, str], ...]:
    from urllib.parse import quote

    return (("x-goog-request-params", f"{key}={quote(value, safe='')}"),)


def _refused(error: Any) -> dict[str, Any]:
    return {"code": error.code().name, "message": error.details()}
