from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.errors import BigQueryError
from bqsim.server.rest.multipart import MultipartReader, Part, boundary_of


def read(data: bytes, boundary: bytes = b"B", size: int = 1 << 20) -> list[tuple[dict[str, str], bytes]]:
    parts: list[tuple[dict[str, str], bytearray]] = []

    def on_part(part: Part) -> None:
        body = bytearray()
        parts.append((part.headers, body))
        part.write = body.extend

    reader = MultipartReader(boundary, on_part)
    for i in range(0, len(data), size):
        reader.feed(data[i : i + size])
    assert reader.ended
    return [(headers, bytes(body)) for headers, body in parts]


TWO = (
    b"--B\r\nContent-Type: application/json\r\n\r\n{}\r\n"
    b"--B\r\ncontent-type: */*\r\n\r\na,b\r\n1,2\r\n\r\n--B--"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_parts_whatever_the_pieces(size: int) -> None:
    assert read(TWO, size=size) == [
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "*/*"}, b"a,b\r\n1,2\r\n"),
    ]


def test_blank_lines_before_and_after_and_a_preamble() -> None:
    assert [body for _, body in read(b"\r\n\r\nhello\r\n" + TWO + b"\r\n\r\nepilogue")] == [
        b"{}",
        b"a,b\r\n1,2\r\n",
    ]


def test_bare_line_feeds_and_parts_without_headers() -> None:
    assert read(b"--B\n\nx\n--B\nA: b\n\n\n--B--") == [({}, b"x"), ({"a": "b"}, b"")]


def test_boundary_inside_a_line_is_content() -> None:
    assert read(b"--B\r\n\r\nx--B y\r\n--B--")[0][1] == b"x--B y"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60).filter(lambda b: b"--B" not in b), max_size=4), st.integers(1, 40))
def test_any_content_survives(bodies: list[bytes], size: int) -> None:
    data = b"".join(b"--B\r\nX: y\r\n\r\n" + body + b"\r\n" for body in bodies) + b"--B--"
    assert [body for _, body in read(data, size=size)] == bodies


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related; boundary=abc",
        'Multipart/Related; charset=x; boundary="abc"',
        "multipart/related;boundary=abc ;x=y",
    ],
)
def test_boundary(content_type: str) -> None:
    assert boundary_of(content_type, "related") == b"abc"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/related",
        "multipart/mixed; boundary=a",
        "multipart/related; boundary=",
    ],
)
def test_no_boundary_is_400(content_type: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        boundary_of(content_type, "related")
    assert caught.value.http == 400
