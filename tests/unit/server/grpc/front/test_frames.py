from __future__ import annotations

import pytest

from bqsim.server.grpc.front import frames as f


def taken(data: bytes, step: int) -> list[f.Frame]:
    """The frames of bytes that come ``step`` at a time."""
    buffer = bytearray()
    found: list[f.Frame] = []
    for start in range(0, len(data), step):
        buffer += data[start : start + step]
        found += f.take_frames(buffer)
    assert not buffer
    return found


@pytest.mark.parametrize("step", [1, 7, 100, 1 << 20])
def test_frames_are_taken_as_they_were_made(step: int) -> None:
    made = [
        f.Frame(f.DATA, f.END_STREAM, 1, b"x" * 70_000),
        f.Frame(f.HEADERS, 0, 0x7FFF_FFFF, b""),
        f.goaway(5, f.INTERNAL_ERROR, b"bye"),
        f.rst_stream(3, f.CANCEL),
        f.window_update(0, 1000),
    ]
    assert taken(b"".join(frame.encode() for frame in made), step) == made


def test_the_reserved_bit_is_no_part_of_the_stream_id() -> None:
    data = bytearray(f.rst_stream(3, f.CANCEL).encode())
    data[5] |= 0x80
    [frame] = f.take_frames(data)
    assert frame.stream == 3


def test_a_part_of_a_frame_waits_for_the_rest() -> None:
    whole = f.Frame(f.DATA, 0, 1, b"abc").encode()
    buffer = bytearray(whole + whole[:11])
    assert len(list(f.take_frames(buffer))) == 1
    assert bytes(buffer) == whole[:11]


@pytest.mark.parametrize(
    ("frame", "ends"),
    [
        (f.Frame(f.DATA, f.END_STREAM, 1, b""), True),
        (f.Frame(f.HEADERS, f.END_STREAM | f.END_HEADERS, 1, b""), True),
        (f.Frame(f.HEADERS, f.END_HEADERS, 1, b""), False),
        (f.rst_stream(1, f.NO_ERROR), True),
        # Bit 0 of other kinds means something else.
        (f.Frame(6, 1, 0, b"12345678"), False),
    ],
)
def test_what_ends_a_stream(frame: f.Frame, ends: bool) -> None:
    assert frame.ends_stream is ends


def test_data_is_told_from_padding() -> None:
    assert f.Frame(f.DATA, f.PADDED, 1, b"\x03abc\0\0\0").data == b"abc"
    assert f.Frame(f.DATA, 0, 1, b"\x03abc").data == b"\x03abc"


@pytest.mark.parametrize("size", [0, 1, f.MAX_PAYLOAD_BYTES, f.MAX_PAYLOAD_BYTES + 1, 50_000])
@pytest.mark.parametrize("end", [False, True])
def test_data_comes_in_frames_that_all_take(size: int, end: bool) -> None:
    made = list(f.data_frames(7, b"x" * size, end=end))
    assert sum(len(frame.payload) for frame in made) == size
    assert all(len(frame.payload) <= f.MAX_PAYLOAD_BYTES for frame in made)
    assert [frame.ends_stream for frame in made] == [False] * (len(made) - 1) + [end] * bool(made)
    assert bool(made) is bool(size or end)


@pytest.mark.parametrize(
    ("fields", "block"),
    [
        ([("a", "b")], b"\x00\x01a\x01b"),
        ([(":status", "502"), ("x", "")], b"\x00\x07:status\x03502\x00\x01x\x00"),
        # RFC 7541, C.1.2: an integer beyond the prefix.
        ([("n", "v" * 126)], b"\x00\x01n\x7e" + b"v" * 126),
        ([("n", "v" * 127)], b"\x00\x01n\x7f\x00" + b"v" * 127),
        ([("n", "v" * 400)], b"\x00\x01n\x7f\x91\x02" + b"v" * 400),
    ],
)
def test_header_fields_are_literals_without_indexing(fields: list[tuple[str, str]], block: bytes) -> None:
    assert f.header_block(fields) == block


ADDED = f.header_block([("n", "v")])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (
            f.Frame(f.HEADERS, f.END_HEADERS, 1, b"block"),
            [f.Frame(f.HEADERS, f.END_HEADERS, 1, b"block" + ADDED)],
        ),
        (
            f.Frame(f.HEADERS, f.END_HEADERS | f.PADDED | f.END_STREAM, 1, b"\x02block\0\0"),
            [f.Frame(f.HEADERS, f.END_HEADERS | f.PADDED | f.END_STREAM, 1, b"\x02block" + ADDED + b"\0\0")],
        ),
        # A priority comes before the block.
        (
            f.Frame(f.HEADERS, f.END_HEADERS | 0x20, 1, b"12345block"),
            [f.Frame(f.HEADERS, f.END_HEADERS | 0x20, 1, b"12345block" + ADDED)],
        ),
        # 0x8 says nothing in a CONTINUATION.
        (
            f.Frame(f.CONTINUATION, f.END_HEADERS | f.PADDED, 1, b"\x02block"),
            [f.Frame(f.CONTINUATION, f.END_HEADERS | f.PADDED, 1, b"\x02block" + ADDED)],
        ),
        (
            f.Frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, 1, b"x" * f.MAX_PAYLOAD_BYTES),
            [
                f.Frame(f.HEADERS, f.END_STREAM, 1, b"x" * f.MAX_PAYLOAD_BYTES),
                f.Frame(f.CONTINUATION, f.END_HEADERS, 1, ADDED),
            ],
        ),
    ],
)
def test_a_header_goes_to_the_end_of_the_block(frame: f.Frame, expected: list[f.Frame]) -> None:
    assert f.with_header(frame, "n", "v") == expected
