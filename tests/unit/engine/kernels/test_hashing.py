from __future__ import annotations

import pyarrow as pa

from bqsim.engine.kernels.hashing import fingerprints


def test_known_fingerprints() -> None:
    known = {
        b"foo": 6150913649986995171,
        b"1footrue": -1541654101129638711,
        b"2applefalse": 2794438866806483259,
    }
    assert fingerprints(pa.array(list(known), pa.binary())).tolist() == list(known.values())


def test_values_of_mixed_lengths_keep_their_places() -> None:
    values = [bytes(range(n % 256)) for n in (0, 5, 100, 5, 20, 40, 64, 65)]
    together = fingerprints(pa.array(values, pa.binary())).tolist()
    assert together == [fingerprints(pa.array([v], pa.binary()))[0] for v in values]
    assert together[1] == together[3]


def test_no_values() -> None:
    assert fingerprints(pa.array([], pa.binary())).tolist() == []
