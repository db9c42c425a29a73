from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:geography",
    "approximated",
    "Buffers of lines and ST_SIMPLIFY choose vertices by rules of their own.",
)

Value = Callable[..., Any]


def wkt(text: str) -> str:
    return f"ST_GEOGFROMTEXT('{text}')"


SQUARE = wkt("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))")
TRIANGLE = wkt("POLYGON((1 1, 20 1, 10 20, 1 1))")
MIXED = wkt("GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(1 2, 2 1))")
HOLES = wkt("POLYGON((1 1, 1 10, 5 10, 5 1, 1 1), (2 2.5, 3.5 3, 2.5 2, 2 2.5), (3.5 7, 4 6, 3 3, 3.5 7))")
LINE = wkt("LINESTRING(1 1, 2 1, 3 2, 3 3)")

TEXTS = (
    ("POINT(1 2)", "POINT(1 2)"),
    ("point ( -1.50  2e1 )", "POINT(-1.5 20)"),
    ("POINT(190 -0)", "POINT(-170 0)"),
    ("POINT EMPTY", "GEOMETRYCOLLECTION EMPTY"),
    ("MULTIPOLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"),
    ("fullglobe", "FULLGLOBE"),
    ("MULTIPOINT(1 1, 2 2, 4 4, 5 2)", "MULTIPOINT(1 1, 2 2, 5 2, 4 4)"),
    ("MULTIPOINT((2 11), (4 12), (0 15), (1 9), (1 12))", "MULTIPOINT(1 9, 4 12, 2 11, 1 12, 0 15)"),
    ("MULTIPOINT(1 1, 1 1)", "POINT(1 1)"),
    ("LINESTRING(0 0, 0 0, 1 1)", "LINESTRING(0 0, 1 1)"),
    ("LINESTRING(1 1, 1 1)", "POINT(1 1)"),
    ("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", "MULTILINESTRING((0 0, 1 1), (2 2, 3 3))"),
    ("POLYGON((0 0, 0 2, 2 2, 2 0, 0 0))", "POLYGON((2 0, 2 2, 0 2, 0 0, 2 0))"),
    (
        "GEOMETRYCOLLECTION(MULTIPOINT(-1 2, 0 12), LINESTRING(-2 4, 0 6))",
        "GEOMETRYCOLLECTION(MULTIPOINT(-1 2, 0 12), LINESTRING(-2 4, 0 6))",
    ),
    ("GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 1)))", "POINT(1 1)"),
)


@pytest.mark.parametrize(("given", "shown"), TEXTS)
def test_text(value: Value, given: str, shown: str) -> None:
    assert value(f"ST_ASTEXT({wkt(given)})") == shown
    assert value(wkt(given)) == shown


BAD_TEXTS = (
    ("POINT(0 91)", "Latitude must be between -90 and 90 degrees."),
    ("abc", "Unknown WKT geometry type: ABC"),
    ("POINT Z(1 2 3)", "WKT geometries with Z coordinates are not supported"),
    ("POINT(1 2 3)", "WKT coordinates must have exactly two numbers"),
    ("POINT(1 2) x", "Unexpected text after the WKT geometry: x"),
    ("POLYGON((0 -1, 2 1, 2 -1, 0 1, 0 -1))", "Invalid polygon loop: Edge 0 crosses edge 2"),
    ("POLYGON((0 0, 2 0, 2 2, 2 0, 0 0))", "Invalid polygon loop: Edge 0 has duplicate vertex with edge 2"),
    (
        "POLYGON((0 0, 1 0, 1 1, 0 0), (-1 -1, 6 -1, 6 6, -1 6, -1 -1))",
        "Polygon's first loop must be shell. It is nested in loop 2",
    ),
    (
        "POLYGON((0 0, 1 1, 0 1))",
        "Invalid polygon loop: First and last vertices of the loop must be the same",
    ),
)


@pytest.mark.parametrize(("given", "text"), BAD_TEXTS)
def test_bad_text(warehouse: Warehouse, value: Value, given: str, text: str) -> None:
    assert warehouse.error(f"SELECT {wkt(given)}") == f"ST_GeogFromText failed: {text}"
    assert value(f"SAFE.{wkt(given)}") is None


VALUES = (
    # Constructors and parsers.
    ("ST_GEOGPOINT(190, 1)", "POINT(-170 1)"),
    ("ST_GEOGPOINT(NULL, 1)", None),
    ("SAFE.ST_GEOGPOINT(1, 91)", None),
    ("ST_GEOGFROM(FROM_HEX('010100000000000000000000400000000000001040'))", "POINT(2 4)"),
    ("ST_GEOGFROM('010100000000000000000000400000000000001040')", "POINT(2 4)"),
    ("ST_GEOGFROMWKB('010100000000000000000000400000000000001040')", "POINT(2 4)"),
    ("ST_GEOGFROM('{\"type\": \"Point\", \"coordinates\": [1, 2]}')", "POINT(1 2)"),
    (
        "ST_GEOGFROMGEOJSON('{\"type\": \"LineString\", \"coordinates\": [[0, 3], [1, 3]]}')",
        "LINESTRING(0 3, 0.5 3, 1 3)",
    ),
    ("ST_GEOGFROMTEXT('LINESTRING(0 3, 1 3)', planar => TRUE)", "LINESTRING(0 3, 0.5 3, 1 3)"),
    (
        "ST_GEOGFROMTEXT('POLYGON((0 -1, 2 1, 2 -1, 0 1))', make_valid => TRUE)",
        "MULTIPOLYGON(((0 -1, 1 0, 0 1, 0 -1)), ((1 0, 2 -1, 2 1, 1 0)))",
    ),
    ("ST_GEOGFROMKML('<Point><coordinates>1,2,5</coordinates></Point>')", "POINT(1 2)"),
    (f"ST_GEOGFROMKML(ST_ASKML({HOLES})) IS NOT NULL", True),
    ("ST_MAKELINE(ST_GEOGPOINT(0, 0), ST_GEOGPOINT(1, 1))", "LINESTRING(0 0, 1 1)"),
    (f"ST_MAKELINE([ST_GEOGPOINT(0, 0), {LINE}])", "LINESTRING(0 0, 1 1, 2 1, 3 2, 3 3)"),
    ("ST_MAKELINE([ST_GEOGPOINT(0, 0), NULL])", None),
    (f"ST_MAKEPOLYGON({wkt('LINESTRING(0 0, 1 0, 1 1)')})", "POLYGON((0 0, 1 0, 1 1, 0 0))"),
    (
        f"ST_MAKEPOLYGON({wkt('LINESTRING(0 0, 1 0, 1 1)')}, "
        f"[{wkt('LINESTRING(0.5 0.1, 0.9 0.1, 0.9 0.5)')}])",
        "POLYGON((0 0, 1 0, 1 1, 0 0), (0.9 0.5, 0.9 0.1, 0.5 0.1, 0.9 0.5))",
    ),
    (f"ST_MAKEPOLYGONORIENTED([{wkt('LINESTRING EMPTY')}])", "FULLGLOBE"),
    # Formatters.
    ("ST_ASBINARY(ST_GEOGPOINT(1, 1))", bytes.fromhex("0101000000feffffffffffef3f000000000000f03f")),
    ("ST_ASGEOJSON(ST_GEOGPOINT(1, 2))", '{ "type": "Point", "coordinates": [1, 2] } '),
    (
        f"ST_ASKML({wkt('LINESTRING(0 0, 1 1)')})",
        "<LineString><coordinates>0,0 1,1</coordinates></LineString>",
    ),
    ("ST_GEOHASH(ST_GEOGPOINT(-122.35, 47.62), 10)", "c22yzugqw7"),
    ("LENGTH(ST_GEOHASH(ST_GEOGPOINT(-122.35, 47.62), 0))", 20),
    (f"ST_GEOHASH({wkt('POINT EMPTY')})", None),
    ("ST_GEOHASH(ST_GEOGPOINTFROMGEOHASH('c22yzugqw7'), 10)", "c22yzugqw7"),
    # Accessors.
    ("ST_X(ST_GEOGPOINT(1, 1))", 0.9999999999999998),
    (f"ST_DIMENSION({MIXED})", 1),
    (f"ST_DIMENSION({wkt('POINT EMPTY')})", -1),
    (f"ST_NUMGEOMETRIES({MIXED})", 2),
    (f"ST_NPOINTS({SQUARE})", 5),
    (f"ST_GEOMETRYTYPE({MIXED})", "ST_GeometryCollection"),
    (f"ST_GEOMETRYTYPE({wkt('MULTILINESTRING((2 2, 3 4), (5 6, 7 7))')})", "ST_MultiLineString"),
    (f"ST_ISCOLLECTION({MIXED})", True),
    (f"ST_ISEMPTY({wkt('POINT EMPTY')})", True),
    (f"ST_ISCLOSED({wkt('LINESTRING(0 1, 4 3, 2 6, 0 1)')})", True),
    (f"ST_ISCLOSED({MIXED})", False),
    ("ST_ISCLOSED(ST_GEOGPOINT(5, 0))", True),
    (f"ST_ISRING({wkt('LINESTRING(0 0, 1 0, 1 1, 0 1, 0 0)')})", True),
    (f"ST_ISRING({wkt('LINESTRING(0 0, 2 2, 2 0, 0 2, 0 0)')})", False),
    (f"ST_POINTN({LINE}, -2)", "POINT(3 2)"),
    (f"ST_STARTPOINT({LINE})", "POINT(1 1)"),
    (f"ST_ENDPOINT({LINE})", "POINT(3 3)"),
    (f"SAFE.ST_POINTN({LINE}, 9)", None),
    (f"ST_DUMP({MIXED}, 1)", ["LINESTRING(1 2, 2 1)"]),
    (f"ST_DUMPPOINTS({MIXED})", ["POINT(0 0)", "POINT(1 2)", "POINT(2 1)"]),
    (f"ST_EXTERIORRING({HOLES})", "LINESTRING(5 1, 5 10, 1 10, 1 1, 5 1)"),
    (
        f"ST_INTERIORRINGS({HOLES})",
        ["LINESTRING(2.5 2, 3.5 3, 2 2.5, 2.5 2)", "LINESTRING(3 3, 4 6, 3.5 7, 3 3)"],
    ),
    (f"ST_EXTERIORRING({wkt('fullglobe')})", "GEOMETRYCOLLECTION EMPTY"),
    # Predicates.
    *((f"ST_CONTAINS({TRIANGLE}, ST_GEOGPOINT({i}, {i}))", i == 10) for i in (0, 1, 10)),
    *((f"ST_COVERS({TRIANGLE}, ST_GEOGPOINT({i}, {i}))", i > 0) for i in (0, 1, 10)),
    (f"ST_WITHIN(ST_GEOGPOINT(10, 10), {TRIANGLE})", True),
    (f"ST_COVEREDBY({wkt('POINT EMPTY')}, {TRIANGLE})", False),
    (f"ST_EQUALS({wkt('POINT EMPTY')}, {wkt('LINESTRING EMPTY')})", True),
    (f"ST_EQUALS({LINE}, {wkt('LINESTRING(3 3, 3 2, 2 1, 1 1)')})", True),
    (f"ST_DISJOINT({SQUARE}, ST_GEOGPOINT(5, 5))", True),
    (f"ST_INTERSECTS({SQUARE}, {wkt('LINESTRING(-1 2, 5 2)')})", True),
    (f"ST_TOUCHES({wkt('LINESTRING(0 0, 1 1)')}, ST_GEOGPOINT(0, 0))", True),
    ("ST_DWITHIN(ST_GEOGPOINT(0, 0), ST_GEOGPOINT(0, 1), 111194)", False),
    ("ST_DWITHIN(ST_GEOGPOINT(0, 0), ST_GEOGPOINT(0, 1), 111196)", True),
    (f"ST_DWITHIN({wkt('POINT EMPTY')}, ST_GEOGPOINT(0, 1), 1)", False),
    ("ST_INTERSECTSBOX(ST_GEOGPOINT(170, 10), 90, 0, -90, 20)", True),
    ("ST_INTERSECTSBOX(ST_GEOGPOINT(10, 10), 90, 0, -90, 20)", False),
    (f"ST_INTERSECTSBOX({wkt('LINESTRING(-10 1, 10 1)')}, 0, 0, 2, 2)", True),
    (f"ST_INTERSECTSBOX({wkt('LINESTRING(-10 50, 10 50)')}, -1, 50.42, 1, 50.44)", True),
    (f"ST_INTERSECTSBOX({SQUARE}, 1, 1, 2, 2)", True),
    # Measures.
    ("ST_ANGLE(ST_GEOGPOINT(1, 0), ST_GEOGPOINT(0, 0), ST_GEOGPOINT(0, 1))", 4.71238898038469),
    ("ST_ANGLE(ST_GEOGPOINT(0, 0), ST_GEOGPOINT(1, 0), ST_GEOGPOINT(0, 1))", 0.78547432161873854),
    ("ST_ANGLE(ST_GEOGPOINT(1, 0), ST_GEOGPOINT(0, 0), ST_GEOGPOINT(1, 0))", 0.0),
    ("ST_ANGLE(ST_GEOGPOINT(1, 0), ST_GEOGPOINT(0, 0), ST_GEOGPOINT(0, 0))", None),
    ("ST_AZIMUTH(ST_GEOGPOINT(1, 0), ST_GEOGPOINT(0, 0))", 4.71238898038469),
    ("ST_AZIMUTH(ST_GEOGPOINT(-30, 0), ST_GEOGPOINT(150, 0))", None),
    ("ST_DISTANCE(ST_GEOGPOINT(0, 80), ST_GEOGPOINT(10, 80))", 192850.64753185026),
    (f"ST_DISTANCE({wkt('POINT EMPTY')}, ST_GEOGPOINT(0, 1))", None),
    (f"ST_AREA({wkt('POLYGON((-111 41, -104 41, -104 45, -111 45, -111 41))')})", 253019996794.88388),
    (f"ST_LENGTH({wkt('LINESTRING(-73.9857 40.7580, -73.9857 40.8480)')})", 10007.559105973372),
    (f"ST_PERIMETER({LINE})", 0.0),
    (f"ROUND(ST_PERIMETER({SQUARE}))", 1778038.0),
    (f"ST_MAXDISTANCE({wkt('POINT EMPTY')}, {LINE})", None),
    (
        f"ST_HAUSDORFFDISTANCE({wkt('LINESTRING(20 70, 70 60, 10 70, 70 70)')}, "
        f"{wkt('LINESTRING(20 90, 30 90, 60 10, 90 10)')}, directed => TRUE)",
        1688933.9832041925,
    ),
    (f"ST_HAUSDORFFDWITHIN({LINE}, {LINE}, 1)", True),
    (f"ST_LINELOCATEPOINT({wkt('LINESTRING(1 1, 5 5)')}, ST_GEOGPOINT(2, 2))", 0.25015214685147907),
    (
        f"ST_BOUNDINGBOX({wkt('POLYGON((172 53, -130 55, -141 70, 172 53))')})",
        [172.0, 53.0, 230.0, 70.0],
    ),
    (f"ST_BOUNDINGBOX({wkt('POINT EMPTY')})", None),
    # Transformations.
    (f"ST_BOUNDARY({wkt('LINESTRING(0 0, 1 1)')})", "MULTIPOINT(0 0, 1 1)"),
    (f"ST_BOUNDARY({SQUARE})", "LINESTRING(0 0, 4 0, 4 4, 0 4, 0 0)"),
    (f"ST_CENTROID({SQUARE})", "POINT(2.00000000000004 2.00040218892024)"),
    (f"ST_CLOSESTPOINT({wkt('LINESTRING(0 0, 10 0)')}, ST_GEOGPOINT(5, 5))", "POINT(5 0)"),
    ("ST_CONVEXHULL(ST_GEOGPOINT(1, 1))", "POINT(0.999999999999943 1)"),
    (
        f"ST_CONVEXHULL({wkt('LINESTRING(1 1, 2 2)')})",
        "LINESTRING(2 2, 1.49988573656168 1.5000570914792, 1 1)",
    ),
    (
        f"ST_CONVEXHULL({wkt('MULTIPOINT(2 11, 4 12, 0 15, 1 9, 1 12)')})",
        "POLYGON((1 9, 4 12, 0 15, 1 9))",
    ),
    (
        f"ST_DIFFERENCE({wkt('POLYGON((0 0, 10 0, 10 10, 0 0))')}, {wkt('POLYGON((4 2, 6 2, 8 6, 4 2))')})",
        "POLYGON((0 0, 10 0, 10 10, 0 0), (8 6, 6 2, 4 2, 8 6))",
    ),
    (
        f"ST_INTERSECTION({SQUARE}, {wkt('POLYGON((2 2, 6 2, 6 6, 2 6, 2 2))')})",
        "POLYGON((2 2, 4 2.00121809765277, 4 4, 2 4.00243025545118, 2 2))",
    ),
    ("ST_UNION(ST_GEOGPOINT(1, 1), ST_GEOGPOINT(0, 0))", "MULTIPOINT(0 0, 1 1)"),
    (
        f"ST_UNION([{wkt('LINESTRING(0 0, 1 1)')}, NULL, ST_GEOGPOINT(5, 5)])",
        "GEOMETRYCOLLECTION(POINT(5 5), LINESTRING(0 0, 1 1))",
    ),
    (f"ST_LINEINTERPOLATEPOINT({wkt('LINESTRING(0 0, 10 0)')}, 0.25)", "POINT(2.5 0)"),
    (f"ST_LINESUBSTRING({wkt('LINESTRING(0 0, 5 0, 10 0)')}, 0.25, 0.75)", "LINESTRING(2.5 0, 5 0, 7.5 0)"),
    (f"ST_SIMPLIFY({wkt('LINESTRING(0 0, 0.05 0, 0.1 0, 0.15 0, 2 0)')}, 1)", "LINESTRING(0 0, 2 0)"),
    (f"ST_SIMPLIFY({wkt('POLYGON((0 0, 0.1 0, 0.1 0.1, 0 0))')}, 10000)", "LINESTRING(0 0, 0.1 0.1)"),
    (f"ST_SIMPLIFY({wkt('POLYGON((0 0, 0.1 0, 0.1 0.1, 0 0))')}, 100000)", "POINT(0 0)"),
    (f"ST_SNAPTOGRID({wkt('LINESTRING(0.1234 1.98765, 2.5 3.5)')}, 0.01)", "LINESTRING(0.12 1.99, 2.5 3.5)"),
    ("ST_NUMPOINTS(ST_BUFFER(ST_GEOGPOINT(1, 2), 50, 2))", 9),
    (
        "SUBSTR(ST_ASTEXT(ST_BUFFER(ST_GEOGPOINT(0, 0), 100000)), 1, 86)",
        "POLYGON((-0.899307565723035 0.00476613438376963, -0.882960100330011 -0.17076469660126,",
    ),
    ("TO_JSON_STRING(STRUCT(ST_GEOGPOINT(1, 2) AS g))", '{"g":"POINT(1 2)"}'),
    ("ST_NUMPOINTS(ST_BUFFER(ST_GEOGPOINT(100, 2), 50))", 33),
    ("ST_NUMPOINTS(ST_BUFFERWITHTOLERANCE(ST_GEOGPOINT(1, 2), 100, 25))", 6),
    ("ST_NUMPOINTS(ST_BUFFERWITHTOLERANCE(ST_GEOGPOINT(100, 2), 100, 1))", 24),
    (f"ST_ISEMPTY(ST_BUFFER({SQUARE}, -1e6))", True),
    # Cells.
    ("S2_CELLIDFROMPOINT(ST_GEOGPOINT(-122, 47))", 6093613931972369317),
    ("S2_CELLIDFROMPOINT(ST_GEOGPOINT(-122, 47), level => 10)", 6093613287902019584),
    ("S2_COVERINGCELLIDS(ST_GEOGPOINT(-122, 47), min_level => 12)", [6093613931972369317]),
    (f"S2_COVERINGCELLIDS({wkt('POINT EMPTY')})", []),
    (
        f"S2_COVERINGCELLIDS({wkt('LINESTRING(-122.12 47.67, -122.19 47.69)')}, min_level => 12)",
        [
            6093384954555662336, 6093390709811838976, 6093390735581642752, 6093390740145045504,
            6093390791416217600, 6093390812891054080, 6093390817187069952, 6093496378892222464,
        ],
    ),
)  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), VALUES, ids=[e for e, _ in VALUES])
def test_value(value: Value, expression: str, expected: Any) -> None:
    found = value(expression)
    assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


ERRORS = (
    ("ST_GEOGPOINT(1, 91)", "ST_GeogPoint failed: Latitude must be between -90 and 90 degrees."),
    (f"ST_X({LINE})", "ST_X failed: ST_X requires a single point geography"),
    (f"ST_EXTERIORRING({LINE})", "ST_ExteriorRing failed: Input geography must be a single polygon"),
    (
        f"ST_POINTN({LINE}, 5)",
        "ST_PointN failed: Index 5 is out of bounds for a linestring of 4 vertices",
    ),
    (
        "ST_STARTPOINT(ST_GEOGPOINT(1, 1))",
        "ST_StartPoint failed: Input geography must be a single linestring",
    ),
    (
        "ST_DISTANCE(ST_GEOGPOINT(1, 1), ST_GEOGPOINT(1, 2), TRUE)",
        "ST_DISTANCE does not support use_spheroid = TRUE",
    ),
    (
        "ST_GEOGFROMGEOJSON('{\"type\": \"Feature\"}')",
        "ST_GeogFromGeoJSON failed: GeoJSON input must be a Geometry object, "
        "not Feature or FeatureCollection",
    ),
    ("ST_GEOGFROMGEOJSON('x')", "ST_GeogFromGeoJSON failed: Unable to parse GeoJSON string"),
    ("ST_GEOGFROMWKB(b'\\x01')", "ST_GeogFromWKB failed: Unexpected end of WKB"),
    ("ST_GEOGPOINTFROMGEOHASH('a')", "ST_GeogPointFromGeoHash failed: Invalid GeoHash: a"),
    (f"ST_BUFFER({LINE}, 1, endcap => 'ODD')", "ST_Buffer failed: Invalid endcap style: ODD"),
    (
        "ST_GEOGFROMTEXT('POINT(1 1)', oriented => TRUE, planar => TRUE)",
        "ST_GeogFromText: oriented and planar cannot be TRUE at the same time",
    ),
    (
        "ST_GEOGPOINT(1, 1) = ST_GEOGPOINT(1, 1)",
        "Equality is not defined for arguments of type GEOGRAPHY at [1:8]",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("expression", "text"), ERRORS)
def test_error(warehouse: Warehouse, expression: str, text: str) -> None:
    assert warehouse.error(f"SELECT {expression}") == text


def test_oriented_polygon_is_the_rest_of_the_earth(value: Value) -> None:
    clockwise = "'POLYGON((0 0, 0 2, 2 2, 2 0, 0 0))'"
    assert value(f"ST_CONTAINS(ST_GEOGFROMTEXT({clockwise}, TRUE), ST_GEOGPOINT(1, 1))") is False
    assert value(f"ST_CONTAINS(ST_GEOGFROMTEXT({clockwise}), ST_GEOGPOINT(1, 1))") is True
    assert value(f"ST_BOUNDINGBOX(ST_GEOGFROMTEXT({clockwise}, oriented => TRUE))") == [-180, -90, 180, 90]


def test_buffer_of_a_line_has_the_area_of_its_sides(value: Value) -> None:
    line = wkt("LINESTRING(0 0, 1 0, 1 1)")
    left, right, flat, around = (
        value(f"ST_AREA(ST_BUFFER({line}, 10000, {options}))")
        for options in ("side => 'LEFT'", "side => 'RIGHT'", "endcap => 'FLAT'", "endcap => 'ROUND'")
    )
    assert left + right == pytest.approx(flat, rel=1e-9)
    # Two half circles of 16 segments each.
    assert around - flat == pytest.approx(3.1214 * 1e8, rel=1e-3)


def test_aggregates(rows: Callable[..., list[list[Any]]]) -> None:
    points = "UNNEST([ST_GEOGPOINT(1, 1), NULL, ST_GEOGPOINT(0, 0)]) AS p"
    assert rows(f"SELECT ST_UNION_AGG(p), ST_EXTENT(p) FROM {points}") == [
        ["MULTIPOINT(0 0, 1 1)", [0.0, 0.0, 1.0, 1.0]]
    ]
    assert rows(f"SELECT ST_CENTROID_AGG(p) FROM {points}") == [
        ["POINT(0.499961919922622 0.500019038226106)"]
    ]
    nothing = "UNNEST([CAST(NULL AS GEOGRAPHY)]) AS p"
    assert rows(f"SELECT ST_UNION_AGG(p), ST_CENTROID_AGG(p), ST_EXTENT(p) FROM {nothing}") == [[None] * 3]


def test_cluster(rows: Callable[..., list[list[Any]]]) -> None:
    shapes = (
        "POINT EMPTY", "MULTIPOINT(1 1, 2 2, 4 4, 5 2)", "POINT(14 15)", "LINESTRING(40 1, 42 34, 44 39)",
        "POLYGON((40 2, 40 1, 41 2, 40 2))",
    )  # fmt: skip
    table = ", ".join(f"STRUCT({i} AS id, {wkt(shape)} AS g)" for i, shape in enumerate(shapes))
    sql = f"SELECT ST_CLUSTERDBSCAN(g, 1e5, 1) OVER () FROM UNNEST([{table}]) ORDER BY id"
    assert rows(sql) == [[None], [0], [1], [2], [2]]


def test_cluster_of_points_by_partition(warehouse: Warehouse, rows: Callable[..., list[list[Any]]]) -> None:
    warehouse.run(
        "CREATE TABLE d.points AS SELECT i, MOD(i, 2) AS part, "
        "ST_GEOGPOINT(IF(i < 50, 0, 10) + i / 10000, 0) AS p FROM UNNEST(GENERATE_ARRAY(0, 99)) AS i"
    )
    sql = """SELECT part, c, COUNT(*) FROM (
        SELECT part, ST_CLUSTERDBSCAN(p, 1000, 3) OVER (PARTITION BY part ORDER BY i) AS c FROM d.points)
        GROUP BY part, c ORDER BY part, c"""
    assert rows(sql) == [[0, 0, 25], [0, 1, 25], [1, 0, 25], [1, 1, 25]]


@pytest.mark.parametrize(
    ("predicate", "points"),
    (("ST_DWITHIN(a.p, b.p, 600000)", 150), ("ST_INTERSECTS(a.p, ST_BUFFER(b.p, 2e6))", 30)),
)
def test_join_finds_what_comparing_all_pairs_finds(
    warehouse: Warehouse, rows: Callable[..., list[list[Any]]], predicate: str, points: int
) -> None:
    warehouse.run(
        "CREATE TABLE d.points AS "
        "SELECT ST_GEOGPOINT(MOD(i * 7919, 360) - 180, MOD(i * 104729, 170) - 85) AS p "
        f"FROM UNNEST(GENERATE_ARRAY(1, {points})) AS i"
    )
    joined = rows(f"SELECT COUNT(*) FROM d.points AS a JOIN d.points AS b ON {predicate}")
    filtered = rows(f"SELECT COUNT(*) FROM d.points AS a, d.points AS b WHERE {predicate}")
    everything = rows(f"SELECT COUNTIF({predicate}) FROM d.points AS a, d.points AS b")
    assert joined == filtered == everything
    assert points < everything[0][0] < points * points
    outer = rows(f"SELECT COUNT(b.p) FROM d.points AS a LEFT JOIN d.points AS b ON {predicate}")
    assert outer == everything


def test_tables_hold_geographies(warehouse: Warehouse, rows: Callable[..., list[list[Any]]]) -> None:
    warehouse.run(
        "CREATE TABLE d.places (id INT64, g GEOGRAPHY, many ARRAY<GEOGRAPHY>, s STRUCT<g GEOGRAPHY>)"
    )
    warehouse.run(
        f"INSERT INTO d.places VALUES (1, ST_GEOGPOINT(1.25, 2.5), [{SQUARE}], STRUCT({LINE})), "
        "(2, NULL, [], NULL)"
    )
    warehouse.run(f"UPDATE d.places SET g = {HOLES} WHERE id = 2")
    found = rows("SELECT g, many, s FROM d.places ORDER BY id")
    assert found[0] == [
        "POINT(1.25 2.5)", ["POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))"], ["LINESTRING(1 1, 2 1, 3 2, 3 3)"]
    ]  # fmt: skip
    assert found[1][0].startswith("POLYGON((5 1, 5 10, 1 10, 1 1, 5 1), ")


@pytest.mark.parametrize(
    ("sql", "text"),
    (
        ("SELECT g FROM t GROUP BY g", "Grouping by expressions of type GEOGRAPHY is not allowed"),
        ("SELECT g FROM t ORDER BY g", "ORDER BY does not support expressions of type GEOGRAPHY"),
        ("SELECT DISTINCT g FROM t", "Column g of type GEOGRAPHY cannot be used in SELECT DISTINCT"),
        ("SELECT MAX(g) FROM t", "MAX is not defined for arguments of type GEOGRAPHY"),
        ("SELECT CAST('POINT(1 1)' AS GEOGRAPHY)", "Invalid cast from STRING to GEOGRAPHY"),
    ),
)
def test_geography_is_neither_grouped_nor_ordered(warehouse: Warehouse, sql: str, text: str) -> None:
    statement = f"WITH t AS (SELECT ST_GEOGPOINT(1, 1) AS g) {sql}" if "FROM t" in sql else sql
    assert warehouse.error(statement).startswith(text)
