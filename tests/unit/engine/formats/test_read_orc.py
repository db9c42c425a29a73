from __future__ import annotations

import io

import pyarrow as pa
import pytest
from pyarrow import orc

from bqsim.engine.formats.parsed import ArrowOptions
from bqsim.engine.formats.read_orc import OrcFile
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind


def message(field: Field) -> str:
    sink = io.BytesIO()
    orc.write_table(pa.table({"a": ["x"]}), sink)
    with pytest.raises(BigQueryError) as caught:
        list(OrcFile(sink, ArrowOptions()).batches((field,)))
    return caught.value.message.removeprefix("Error while reading data, error message: ")


def test_errors_name_the_format() -> None:
    assert message(Field("a", TypeKind.INT64)) == (
        "ORC column 'a' has type STRING which does not match the target type INT64."
    )
    required = Field("z", TypeKind.INT64, Mode.REQUIRED)
    assert message(required) == "Required field z is missing in the ORC file."
