"""Every type in all its forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from tests.conftest import Http
from tests.storage import Clients, table_path

from .kinds import PARAMETERISED, TYPES, Kind, spelled


def _claim(*forms: str) -> Any:
    def claim(case: Mapping[str, Any]) -> tuple[str, str, str]:
        name = case["name"]
        return ", ".join(f"type:{spelled(name)}: {form}" for form in forms), "exact", ""

    return claim


every_type = pytest.mark.parametrize("name", TYPES)


@pytest.fixture
def kind(name: str) -> Kind:
    return TYPES[name]


@pytest.fixture
def clients(rest: Http) -> Iterator[Clients]:
    clients = Clients(rest.simulator.grpc_target)
    yield clients
    clients.close()


def _cell(rest: Http, sql: str, **more: Any) -> tuple[dict[str, Any], Any]:
    """The field and the value of a query of one column and row."""
    answer = rest.query(sql, formatOptions={"useInt64Timestamp": True}, **more)
    assert answer.status == 200, answer.data
    body = answer.json
    [row] = body["rows"]
    [field], [cell] = body["schema"]["fields"], row["f"]
    return field, cell["v"]


def _column(rest: Http, name: str, kind: Kind) -> None:
    rest.dataset()
    answer = rest.query(f"CREATE TABLE d.t (c {name})")
    assert answer.status == 200, answer.data
    answer = rest.query(f"INSERT d.t VALUES ({kind.literal})")
    assert answer.status == 200, answer.data


@pytest.mark.fidelity(of=_claim("literal", "JSON"))
@every_type
def test_literals_and_json(rest: Http, name: str, kind: Kind) -> None:
    field, shown = _cell(rest, f"SELECT {kind.literal} AS c")
    assert (field["type"], shown) == (kind.api or name, kind.shown)
    assert field["mode"] == ("REPEATED" if name.startswith("ARRAY") else "NULLABLE")
    if not name.startswith("ARRAY"):
        assert _cell(rest, f"SELECT CAST(NULL AS {name})")[1] is None


@pytest.mark.fidelity(of=_claim("parameter"))
@every_type
def test_parameters(rest: Http, name: str, kind: Kind) -> None:
    type_, value = kind.parameter or ({"type": name}, {"value": kind.shown})
    given = [{"name": "p", "parameterType": type_, "parameterValue": value}]
    field, shown = _cell(rest, "SELECT @p", parameterMode="NAMED", queryParameters=given)
    assert (field["type"], shown) == (kind.api or name, kind.shown)


@pytest.mark.fidelity(of=_claim("cast"))
@every_type
def test_casts(rest: Http, name: str, kind: Kind) -> None:
    assert [_cell(rest, f"SELECT {expression}")[1] for expression, _ in kind.casts] == [
        v for _, v in kind.casts
    ]


@pytest.mark.fidelity(of=_claim("column"))
@every_type
def test_columns(rest: Http, name: str, kind: Kind) -> None:
    _column(rest, name, kind)
    assert _cell(rest, "SELECT c FROM d.t")[1] == kind.shown
    [field] = rest.call("GET", "/datasets/d/tables/t").json["schema"]["fields"]
    assert field["type"] == (kind.api or name)


@pytest.mark.fidelity(of=_claim("Arrow"))
@every_type
def test_arrow(rest: Http, clients: Clients, name: str, kind: Kind) -> None:
    _column(rest, name, kind)
    rows = clients.arrow(clients.session(table_path(rest.project, "t")))
    assert str(rows.schema.types[0]) == kind.arrow
    [value] = rows.column(0).to_pylist()
    assert value == (pa.MonthDayNano(kind.in_arrow) if name == "INTERVAL" else kind.in_arrow)


@pytest.mark.fidelity(of=_claim("Avro"))
@every_type
def test_avro(rest: Http, clients: Clients, name: str, kind: Kind) -> None:
    _column(rest, name, kind)
    [row] = clients.avro(clients.session(table_path(rest.project, "t"), "AVRO"))
    assert row == {"c": kind.in_avro}


@pytest.mark.fidelity("type:{name}: column", "exact")
@pytest.mark.parametrize("name", PARAMETERISED)
def test_parameters_of_types(rest: Http, name: str) -> None:
    type_, fits, refused, text = PARAMETERISED[name]
    rest.dataset()
    assert rest.query(f"CREATE TABLE d.t (c {type_})").status == 200
    assert rest.query(f"INSERT d.t VALUES ({fits})").status == 200
    assert text in rest.query(f"INSERT d.t VALUES ({refused})").message
    [field] = rest.call("GET", "/datasets/d/tables/t").json["schema"]["fields"]
    assert {"maxLength", "precision", "scale"} & set(field)
