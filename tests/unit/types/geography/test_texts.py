"""WKT, GeoJSON, the normal form, and texts of any form."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.types.geography.geojson import format_geojson, parse_geojson
from bqsim.types.geography.normal import normalised
from bqsim.types.geography.parse import canonical_text, parse_any, values_of
from bqsim.types.geography.shapes import BadGeography
from bqsim.types.geography.wkt import format_wkt, parse_wkt, point_of, texts_of

GEOJSON = (
    ("POINT(0 0)", '{ "type": "Point", "coordinates": [0, 0] } '),
    (
        "GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(1 1, 2 2))",
        '{ "type": "GeometryCollection", "geometries": [ { "type": "Point", "coordinates": [0, 0] }, '
        '{ "type": "LineString", "coordinates": '
        "[ [1, 1], [1.49988573656168, 1.5000570914792], [2, 2] ] } ] } ",
    ),
    (
        "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 1, 0 0)), ((2 2, 3 2, 3 3, 2 3, 2 2)))",
        '{ "type": "MultiPolygon", "coordinates": [ [ [ [0, 0], [1, 0], [1, 1], [0, 1], [0, 0] ] ], '
        "[ [ [2, 2], [3, 2], [3, 3], [2.5, 3.00011402647166], [2, 3], [2, 2] ] ] ] } ",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("wkt", "geojson"), GEOJSON)
def test_geojson(wkt: str, geojson: str) -> None:
    assert format_geojson(parse_any(wkt)) == geojson
    again = normalised(parse_geojson(geojson), planar=True)
    assert format_wkt(again).startswith(wkt.partition("(")[0])


@pytest.mark.parametrize(
    ("text", "message"),
    (
        ("[]", "GeoJSON geometry should be a JSON object"),
        ('{"type": "Cube", "coordinates": []}', "Unknown GeoJSON geometry type: Cube"),
        ('{"type": "Point", "coordinates": ["a", 1]}', "Longitude should be a number"),
        ('{"type": "Point", "coordinates": [1, null]}', "Latitude should be a number"),
        ('{"type": "Point", "coordinates": [1, 2, 3]}', "exactly 2 elements"),
        ('{"type": "Point"}', "GeoJSON member coordinates should be an array"),
    ),
)
def test_bad_geojson(text: str, message: str) -> None:
    with pytest.raises(BadGeography, match=message):
        parse_geojson(text)


@pytest.mark.parametrize(
    ("given", "canonical"),
    (
        (" POINT( 1.0   2) ", "POINT(1 2)"),
        ("POINT(181 2)", "POINT(-179 2)"),
        ('{"type": "Point", "coordinates": [1, 2]}', "POINT(1 2)"),
        ("010100000000000000000000400000000000001040", "POINT(2 4)"),
        ("POLYGON((0 0, 0 2, 2 2, 2 0, 0 0))", "POLYGON((2 0, 2 2, 0 2, 0 0, 2 0))"),
    ),
)
def test_any_text(given: str, canonical: str) -> None:
    assert canonical_text(given) == canonical


def test_rings_are_oriented_unless_they_are_so_already() -> None:
    clockwise = parse_wkt("POLYGON((0 0, 0 2, 2 2, 2 0, 0 0))")
    assert normalised(clockwise, oriented=True).polygons == [[[(0, 0), (0, 2), (2, 2), (2, 0)]]]
    assert normalised(clockwise).polygons == [[[(2, 0), (2, 2), (0, 2), (0, 0)]]]


def test_edges_between_antipodes_are_refused() -> None:
    with pytest.raises(BadGeography, match="antipodal"):
        canonical_text("LINESTRING(0 0, 180 0)")


def test_edges_of_the_plane_across_the_antimeridian() -> None:
    shape = parse_any("LINESTRING(170 50, -170 50)")
    assert "[180, 50.43" in format_geojson(shape)


@pytest.mark.parametrize(
    "texts", (["POINT(1 2)", None, "POINT(3 4)"], ["POINT(1 2)", None, "LINESTRING(0 0, 1 1)"])
)
def test_columns(texts: list[str | None]) -> None:
    assert texts_of(values_of(pa.array(texts, pa.string()))).to_pylist() == texts
    assert texts_of(values_of(pa.chunked_array([texts[:1], texts[1:]], pa.string()))).to_pylist() == texts


def test_point_of_other_texts_is_none() -> None:
    assert point_of("POINT(a b)") is None
    assert point_of("POINT(1 2), x") is None
    assert point_of("POINT(1 2)") == (1.0, 2.0)
