from __future__ import annotations

import numpy as np
import pyarrow as pa

from bqsim.engine.kernels.sketches_hash import fixed_hashes, hashes


def test_known_hashes_of_bytes() -> None:
    known = {
        b"": 0x23AD7C904AA665E3,
        b"foobar": 0x36A1E57A138E4467,
        b"foo": 0xD0BCBFE261B36504,
        "Zürich".encode(): 0x27EFC00F7D2CE548,
        "Zu\u0308rich".encode(): 0x7DFA3067E55C7E8A,
    }
    assert hashes(pa.array(list(known), pa.binary())).tolist() == list(known.values())


def test_known_hashes_of_fixed_width() -> None:
    longs = np.array([0, 42, -15], "<i8").view(np.uint8).reshape(3, 8)
    assert fixed_hashes(longs).tolist() == [0x853A22BD6E14A48F, 0x583B2B9DF8E0EB60, 0x539414F287F11E37]
    ints = np.array([0, 42, -15], "<i4").view(np.uint8).reshape(3, 4)
    assert fixed_hashes(ints).tolist() == [0x1F6E43FF4B5270EE, 0x5CBDED943BFFDDD3, 0xFD5A96B7669422C1]
    assert fixed_hashes(np.zeros((0, 8), np.uint8)).tolist() == []


def test_a_hash_does_not_depend_on_its_neighbours() -> None:
    values = [bytes(range(size % 200)) for size in range(300)]
    together = hashes(pa.array(values, pa.binary())).tolist()
    assert together == [int(hashes(pa.array([v], pa.binary()))[0]) for v in values]
    assert len(set(together)) == 200
    sliced = pa.array([b"x", *values], pa.binary()).slice(1)
    assert hashes(sliced).tolist() == together
