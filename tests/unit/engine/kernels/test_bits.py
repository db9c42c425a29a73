from __future__ import annotations

import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.engine.kernels.bits import invert, shift_left, shift_right
from bqsim.errors import BigQueryError


def test_shifts_keep_the_size() -> None:
    assert shift_left(b"\x01\xff", 4) == b"\x1f\xf0"
    assert shift_right(b"\x01\xff", 4) == b"\x00\x1f"
    assert shift_left(b"\x01\xff", 16) == b"\x00\x00"
    with pytest.raises(BigQueryError, match="negative offset"):
        shift_right(b"a", -1)


def test_invert() -> None:
    assert invert(b"\x00\xf0") == b"\xff\x0f"


@pytest.mark.parametrize("offset", range(64))
def test_integer_shifts_are_modulo_two_to_the_64(session: DuckDBSession, offset: int) -> None:
    for value in (1, -1, 3, 2**63 - 1, -(2**63) + 5):
        left = (value << offset) & (2**64 - 1)
        right = (value & (2**64 - 1)) >> offset
        for name, wanted in (("left", left), ("right", right)):
            signed = wanted - 2**64 if wanted >= 2**63 else wanted
            found = session.scalar(f"SELECT bq_shift_{name}(CAST('{value}' AS BIGINT), {offset}::BIGINT)")
            assert found == signed
