"""Sessions over recorded rows: streams, offsets, splits, formats, what was not recorded."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bqsim.errors import StorageFailure
from bqsim.replay.reads import Asked, NotHere, Readable, ReadReplay
from bqsim.replay.row_blocks import table_of_arrow, table_of_avro
from bqsim.replay.rows import RecordedRows
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.storage.read.asking import SESSION_LIFE_US
from bqsim.storage.v1 import read_pb2, stream_pb2

from .recorded import FIELDS, SCHEMA, Store, cells, rows, stretch

COUNT = 50
ROWS = rows(COUNT)
TABLE = "projects/p/datasets/d/tables/t"
LZ4 = stream_pb2.ReadSession.TableReadOptions.RESPONSE_COMPRESSION_CODEC_LZ4


class Reading:
    """A replay over ROWS, of which some may not have been recorded."""

    def __init__(self, form: str = "int64", recorded: int = COUNT, streams: int = 0) -> None:
        store = Store()
        self.clock = SimulationClock()
        source = RecordedRows(store, [stretch(store, ROWS.slice(0, recorded), form)], SCHEMA)
        self.asked: list[Asked] = []

        def find(asked: Asked) -> Readable:
            self.asked.append(asked)
            return Readable(source, COUNT, streams, "eu", {"estimated_row_count": 7})

        self.replay = ReadReplay(find, self.clock, Draws(1))

    def session(self, count: int = 0, avro: bool = False, **options: Any) -> Any:
        session = stream_pb2.ReadSession(
            table=TABLE, data_format=stream_pb2.AVRO if avro else stream_pb2.ARROW
        )
        for name, value in options.items():
            if isinstance(value, list):
                getattr(session.read_options, name).extend(value)
            else:
                setattr(session.read_options, name, value)
        request = read_pb2.CreateReadSessionRequest(
            parent="projects/p", read_session=session, max_stream_count=count
        )
        return self.replay.create_session(request)

    def read(self, session: Any, stream: str, offset: int = 0) -> pa.Table:
        """The rows of a stream as canonical columns."""
        request = read_pb2.ReadRowsRequest(read_stream=stream, offset=offset)
        parts = []
        for data in self.replay.read_rows(request, lambda: False):
            answer = read_pb2.ReadRowsResponse.FromString(data)
            size = answer.uncompressed_byte_size
            arrow = answer.arrow_record_batch.serialized_record_batch
            payload = arrow or answer.avro_rows.serialized_binary_rows
            if size > 0:
                payload = pa.decompress(payload, decompressed_size=size, codec="lz4_raw", asbytes=True)
            if arrow:
                schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
                batch = pa.ipc.read_record_batch(pa.py_buffer(payload), schema)
                parts.append(table_of_arrow(pa.Table.from_batches([batch]), FIELDS))
            else:
                parts.append(table_of_avro(session.avro_schema.schema, payload, answer.row_count, FIELDS))
        return pa.concat_tables(parts) if parts else ROWS.slice(0, 0)


@pytest.mark.fidelity("recording:replay of reads and appends", "exact")
@pytest.mark.parametrize("compression", [0, LZ4])
@pytest.mark.parametrize("avro", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3, 1000])
def test_streams_have_all_rows_in_order(count: int, avro: bool, compression: int) -> None:
    reading = Reading()
    session = reading.session(count, avro, response_compression_codec=compression)
    assert len(session.streams) == {0: 1, 1000: COUNT}.get(count, count)
    assert session.estimated_row_count == 7
    assert "/locations/eu/" in session.name
    found = pa.concat_tables([reading.read(session, s.name) for s in session.streams])
    assert cells(found) == cells(ROWS)


def test_without_a_number_as_many_streams_as_recorded() -> None:
    assert len(Reading(streams=4).session().streams) == 4


@pytest.mark.parametrize("offset", [0, 1, 17, COUNT])
def test_a_stream_from_a_row_on(offset: int) -> None:
    reading = Reading("arrow")
    session = reading.session(1)
    found = reading.read(session, session.streams[0].name, offset)
    assert cells(found) == cells(ROWS.slice(offset))


def test_an_offset_beyond_the_stream() -> None:
    reading = Reading()
    session = reading.session(1)
    with pytest.raises(StorageFailure, match="has not been allocated yet"):
        reading.read(session, session.streams[0].name, COUNT + 1)


def test_split_streams_share_the_rows() -> None:
    reading = Reading("avro")
    session = reading.session(1)
    request = read_pb2.SplitReadStreamRequest(name=session.streams[0].name, fraction=0.3)
    answer = reading.replay.split_stream(request)
    first = reading.read(session, answer.primary_stream.name)
    assert first.num_rows == 15
    rest = reading.read(session, answer.remainder_stream.name)
    assert cells(pa.concat_tables([first, rest])) == cells(ROWS)


def test_selected_fields() -> None:
    reading = Reading()
    session = reading.session(1, selected_fields=["S.t.y", "n_INTEGER"])
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    assert schema.names == ["n_INTEGER", "s"]
    assert [f.name for f in schema.field("s").type.field("t").type.value_type] == ["y"]
    with pytest.raises(StorageFailure, match="do not exist"):
        reading.session(1, selected_fields=["absent"])


def test_sessions_expire() -> None:
    reading = Reading()
    session = reading.session(1)
    reading.clock.advance(SESSION_LIFE_US / 1_000_000)
    with pytest.raises(StorageFailure, match="session expired"):
        reading.read(session, session.streams[0].name)


def test_what_was_not_recorded_is_refused_where_it_begins() -> None:
    reading = Reading(recorded=20)
    session = reading.session(1)
    request = read_pb2.ReadRowsRequest(read_stream=session.streams[0].name)
    answers = reading.replay.read_rows(request, lambda: False)
    got = 0
    with pytest.raises(NotHere, match="rows 20 to 49 were not recorded"):
        for data in answers:
            got += read_pb2.ReadRowsResponse.FromString(data).row_count
    assert got == 20


def test_streams_of_others() -> None:
    reading = Reading()
    with pytest.raises(NotHere, match="session not found"):
        reading.read(None, "projects/p/locations/us/sessions/x/streams/y")
