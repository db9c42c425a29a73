from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.engine.kernels.rows import arrow_type, row_kernel


def test_a_row_function_becomes_a_batch_function() -> None:
    kernel = row_kernel("bq_join", ("VARCHAR", "BIGINT"), "VARCHAR", lambda text, n: text * n)
    result = kernel.function(pa.array(["a", "bc"]), pa.array([2, 1]))
    assert result.to_pylist() == ["aa", "bc"]
    assert result.type == pa.string()
    assert kernel.null_in_null_out


def test_a_nullable_kernel_sees_no_null_and_may_give_one() -> None:
    kernel = row_kernel(
        "bq_half", ("BIGINT",), "BIGINT", lambda n: n // 2 if n % 2 == 0 else None, nullable=True
    )
    assert kernel.function(pa.array([4, 3, None])).to_pylist() == [2, None, None]
    assert not kernel.null_in_null_out


@pytest.mark.parametrize(
    ("engine", "arrow"),
    (("BIGINT[]", pa.list_(pa.int64())), ("DECIMAL(38,9)", pa.decimal128(38, 9)), ("BLOB", pa.binary())),
)
def test_arrow_types_of_engine_types(engine: str, arrow: pa.DataType) -> None:
    assert arrow_type(engine) == arrow
