"""Decoding of serialised proto rows: rows per second of one thread, by batch size.

    python -m tests.bench.proto_rows

Ten columns (INT64, INT32, DOUBLE, STRING, BOOL, BYTES), about 81 bytes a row; medians, with the best and the worst.
"""

from __future__ import annotations

import os
import platform
import struct
import time
from random import Random

from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.codecs.protorows import RowDecoder

TYPES = (
    P.TYPE_INT64, P.TYPE_INT32, P.TYPE_SINT64, P.TYPE_DOUBLE, P.TYPE_DOUBLE,
    P.TYPE_STRING, P.TYPE_STRING, P.TYPE_BOOL, P.TYPE_BYTES, P.TYPE_INT64,
)  # fmt: skip
SIZES = (1, 10, 100, 1000, 5000, 10_000)


def descriptor() -> DescriptorProto:
    message = DescriptorProto(name="Row")
    for number, type_ in enumerate(TYPES, 1):
        message.field.add(name=f"c{number}", number=number, type=type_, label=P.LABEL_OPTIONAL)
    return message


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def row(random: Random, index: int) -> bytes:
    values = {
        1: index, 2: random.randrange(1 << 31), 3: random.randrange(1 << 41), 4: random.random(), 5: random.random(),
        6: b"name%d" % index, 7: b"x" * random.randrange(30), 8: index % 2, 9: b"12345678",
        10: 1_700_000_000_000_000 + random.randrange(1 << 45),
    }  # fmt: skip
    out = b""
    for number, value in values.items():
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif isinstance(value, float):
            out += varint(number << 3 | 1) + struct.pack("<d", value)
        else:
            out += varint(number << 3) + varint(value)
    return out


def main() -> None:
    random = Random(1)
    rows = [row(random, i) for i in range(max(SIZES))]
    decoder = RowDecoder(descriptor())
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for size in SIZES:
        batch = rows[:size]
        decoder.decode(batch)
        seconds = []
        for _ in range(max(30, 20_000 // size)):
            start = time.perf_counter()
            decoder.decode(batch)
            seconds.append(time.perf_counter() - start)
        seconds.sort()
        middle = seconds[len(seconds) // 2]
        spread = f"{seconds[0] * 1e6:,.0f} to {seconds[-1] * 1e6:,.0f}"
        print(f"{size:>6} rows: {middle * 1e6:>6,.0f} µs ({spread}), {size / middle:>10,.0f} rows/s")


if __name__ == "__main__":
    main()
