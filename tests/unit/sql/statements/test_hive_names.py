from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.statements.hive_names import HiveNames, constant_column, hive_names
from bqsim.types import Field, TypeKind

PREFIX = "gs://bucket/t"


def names(mode: str = "AUTO", prefix: str = PREFIX, **more: Any) -> HiveNames:
    found = hive_names({"mode": mode, "sourceUriPrefix": prefix, **more}, [f"{PREFIX}/*"])
    assert found is not None
    return found


def test_none() -> None:
    assert hive_names({}, []) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "22"), TypeKind.INT64),
        (("2026-01-01", "2026-01-02"), TypeKind.DATE),
        (("1", "x"), TypeKind.STRING),
        (("1.5", "2"), TypeKind.STRING),
        (("true", "false"), TypeKind.STRING),
        (("__HIVE_DEFAULT_PARTITION__", "7"), TypeKind.INT64),
    ],
)
def test_kinds_are_detected(values: tuple[str, ...], kind: TypeKind) -> None:
    uris = [f"{PREFIX}/k={value}/x.csv" for value in values]
    assert names().columns(uris) == (Field("k", kind),)
    assert names("STRINGS").columns(uris) == (Field("k", TypeKind.STRING),)


def test_custom_keys_have_types() -> None:
    hive = names("CUSTOM", f"{PREFIX}/{{a:INTEGER}}/{{b:STRING}}")
    assert hive.prefix == f"{PREFIX}/"
    fields = (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING))
    assert hive.columns([f"{PREFIX}/a=1/b=x%2Fy/f"]) == fields
    assert hive.pairs(f"{PREFIX}/a=1/b=x%2Fy/f") == {"a": "1", "b": "x/y"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "LUCK"}, "is not a valid value"),
        ({"prefix": ""}, "sourceUriPrefix must be specified"),
        ({"prefix": "gs://bucket/other"}, "does not match the hive partitioning prefix gs://bucket/other/"),
        ({"mode": "CUSTOM"}, "needs keys with types"),
        ({"prefix": f"{PREFIX}/{{a:DATE}}"}, "Only the hive partitioning mode CUSTOM takes keys"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError, match=message):
        names(**options)


def test_all_files_have_the_same_keys() -> None:
    with pytest.raises(BigQueryError, match="Incompatible hive partition schemas"):
        names().columns([f"{PREFIX}/a=1/f", f"{PREFIX}/b=1/f"])
    with pytest.raises(BigQueryError, match="No hive partition keys"):
        names().columns([f"{PREFIX}/f"])
    with pytest.raises(BigQueryError, match="11 keys, limit is 10"):
        names().columns([PREFIX + "/" + "".join(f"k{i}=1/" for i in range(11)) + "f"])


def test_columns_of_constants() -> None:
    field = Field("n", TypeKind.INT64)
    assert constant_column(field, "7", 3, "u").to_pylist() == [7, 7, 7]
    assert constant_column(field, None, 2, "u").to_pylist() == [None, None]
    with pytest.raises(BigQueryError, match="Failed to parse value 'x' of partition key n as INT64"):
        constant_column(field, "x", 2, "u")
