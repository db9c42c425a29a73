"""Functions on GEOGRAPHY."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, Function, FunctionCall, Window, aggregate, fn
from bqsim.types import BOOL, BYTES, FLOAT64, GEOGRAPHY, INT64, STRING, array_of

G, F = GEOGRAPHY, FLOAT64
GS = array_of(GEOGRAPHY)
_FLAGS = (BOOL, BOOL, BOOL)

# Functions of one value and their kernels.
_OF_ONE = {
    "st_asbinary": "wkb", "st_asgeojson": "geojson", "st_astext": "text", "st_askml": "kml",
    "st_boundary": "boundary", "st_centroid": "centroid", "st_convexhull": "hull",
    "st_dimension": "dimension", "st_dumppoints": "dump_points", "st_exteriorring": "exterior_ring",
    "st_geometrytype": "type", "st_interiorrings": "interior_rings", "st_isclosed": "closed",
    "st_isring": "ring", "st_npoints": "vertices", "st_numgeometries": "count", "st_numpoints": "vertices",
    "st_x": "x", "st_y": "y", "st_boundingbox": "box", "st_makepolygon": "make_polygon",
}  # fmt: skip

# Of two values.
_OF_TWO = {
    "st_contains": "contains", "st_coveredby": "covered_by", "st_covers": "covers", "st_disjoint": "disjoint",
    "st_equals": "equals", "st_intersects": "intersects", "st_touches": "touches", "st_within": "within",
    "st_difference": "difference", "st_intersection": "intersection", "st_union": "union",
    "st_makeline": "make_line", "st_azimuth": "azimuth", "st_linelocatepoint": "locate",
}  # fmt: skip

# Whose last argument may be use_spheroid: name, kernel, types before it.
_SPHERICAL = (
    ("st_area", "area", (G,)),
    ("st_length", "length", (G,)),
    ("st_perimeter", "perimeter", (G,)),
    ("st_closestpoint", "closest", (G, G)),
    ("st_distance", "distance", (G, G)),
    ("st_maxdistance", "max_distance", (G, G)),
    ("st_dwithin", "near", (G, G, F)),
)


def _spherical(kernel: str, place: int) -> Callable[[FunctionCall], exp.Expression]:
    """A call that refuses the spheroid; ``place`` is where use_spheroid may stand."""

    def build(call: FunctionCall) -> exp.Expression:
        args = call.args[:place]
        if len(call.args) == place:
            return nodes.call(f"bq_geo_{kernel}", *args)
        flag = call.literals[place]
        text = f"{call.name.upper()} does not support use_spheroid = TRUE"
        if flag is True:
            raise invalid_query(text)
        if flag is False:
            return nodes.call(f"bq_geo_{kernel}", *args)
        value = nodes.call(f"bq_geo_{kernel}", *args)
        failing = f"bq_error({nodes.quote(text)})"
        return nodes.template(
            f"(CASE WHEN {{1}} THEN {failing} WHEN NOT {{1}} THEN {{0}} END)", value, call.args[place]
        )

    return build


def _buffer(kernel: str) -> Callable[[FunctionCall], exp.Expression]:
    def build(call: FunctionCall) -> exp.Expression:
        if call.literals[3] is True:
            raise invalid_query(f"{call.name.upper()} does not support use_spheroid = TRUE")
        return nodes.call(kernel, *call.args)

    return build


def _parsers() -> list[Function]:
    """The parsing functions: without flags, with ``oriented`` alone, with all of them."""
    rows = []
    for name, kernel, type_, signatures in (
        ("st_geogfromtext", "text", STRING, ((), (BOOL,), _FLAGS)),
        ("st_geogfromgeojson", "geojson", STRING, ((), (BOOL,))),
        ("st_geogfromkml", "kml", STRING, ((),)),
        ("st_geogfromwkb", "wkb", BYTES, ((), (BOOL,), _FLAGS)),
        ("st_geogfromwkb", "hex", STRING, ((), (BOOL,), _FLAGS)),
    ):
        for flags in signatures:
            places = ", ".join(f"{{{i}}}" for i in range(len(flags) + 1))
            rows.append(fn(name, (type_, *flags), sql=f"bq_geo_from_{kernel}_{len(flags)}({places})"))
    return rows


FUNCTIONS = [
    fn("st_geogpoint", (F, F), sql="bq_geo_point({0}, {1})"),
    *_parsers(),
    fn("st_geogfrom", (STRING,), sql="bq_geo_from_any({0})"),
    fn("st_geogfrom", (BYTES,), sql="bq_geo_from_wkb_0({0})"),
    fn("st_geogpointfromgeohash", (STRING,), sql="bq_geo_from_geohash({0})"),
    *(fn(name, (G,), sql=f"bq_geo_{kernel}({{0}})") for name, kernel in _OF_ONE.items()),
    *(fn(name, (G, G), sql=f"bq_geo_{kernel}({{0}}, {{1}})") for name, kernel in _OF_TWO.items()),
    *(
        fn(name, (*types, BOOL), build=_spherical(kernel, len(types)), optional=1)
        for name, kernel, types in _SPHERICAL
    ),
    fn("st_makeline", (GS,), sql="bq_geo_make_line_of_list({0})"),
    fn("st_makepolygon", (G, GS), sql="bq_geo_make_polygon_with_holes({0}, {1})"),
    fn("st_makepolygonoriented", (GS,), sql="bq_geo_make_polygon_oriented({0})"),
    fn("st_union", (GS,), sql="bq_geo_union_list({0})"),
    fn("st_geohash", (G,), sql="bq_geo_geohash({0}, 20)"),
    fn("st_geohash", (G, INT64), sql="bq_geo_geohash({0}, {1})"),
    fn("st_dump", (G,), sql="bq_geo_dump({0}, -1)"),
    fn("st_dump", (G, INT64), sql="bq_geo_dump({0}, {1})"),
    fn("st_pointn", (G, INT64), sql="bq_geo_point_n({0}, {1})"),
    fn("st_startpoint", (G,), sql="bq_geo_start_point({0}, 1)"),
    fn("st_endpoint", (G,), sql="bq_geo_end_point({0}, -1)"),
    fn("st_isempty", (G,), sql="(bq_geo_count({0}) = 0)"),
    fn("st_iscollection", (G,), sql="(bq_geo_count({0}) > 1)"),
    fn("st_angle", (G, G, G), sql="bq_geo_angle({0}, {1}, {2})"),
    fn("st_intersectsbox", (G, F, F, F, F), sql="bq_geo_in_box({0}, {1}, {2}, {3}, {4})"),
    fn("st_hausdorffdistance", (G, G, BOOL), sql="bq_geo_hausdorff({0}, {1}, {2})"),
    fn("st_hausdorffdwithin", (G, G, F, BOOL), sql="bq_geo_hausdorff_near({0}, {1}, {2}, {3})"),
    fn("st_lineinterpolatepoint", (G, F), sql="bq_geo_interpolate({0}, {1})"),
    fn("st_linesubstring", (G, F, F), sql="bq_geo_substring({0}, {1}, {2})"),
    fn("st_simplify", (G, F), sql="bq_geo_simplify({0}, {1})"),
    fn("st_snaptogrid", (G, F), sql="bq_geo_snap({0}, {1})"),
    fn("st_buffer", (G, F, F, BOOL, STRING, STRING), build=_buffer("bq_geo_buffer")),
    fn(
        "st_bufferwithtolerance",
        (G, F, F, BOOL, STRING, STRING),
        build=_buffer("bq_geo_buffer_tolerance"),
    ),
    fn("s2_cellidfrompoint", (G, INT64), sql="bq_geo_cell({0}, {1})"),
    fn("s2_coveringcellids", (G, INT64, INT64, INT64, F), sql="bq_geo_covering({0}, {1}, {2}, {3}, {4})"),
]


def _gathered(kernel: str) -> Callable[[AggregateCall], exp.Expression]:
    """An aggregate of the list of all values that are not NULL."""

    def build(call: AggregateCall) -> exp.Expression:
        [value] = call.args
        values = call.apply("list", value, where=nodes.template("({0} IS NOT NULL)", value))
        return nodes.call(kernel, values)

    return build


AGGREGATES = [
    aggregate("st_union_agg", (G,), build=_gathered("bq_geo_union_agg")),
    aggregate("st_centroid_agg", (G,), build=_gathered("bq_geo_centroid_agg")),
    aggregate("st_extent", (G,), build=_gathered("bq_geo_extent")),
]


def _cluster(call: AggregateCall) -> exp.Expression:
    value, reach, least = call.args
    if call.literals[1] is NOT_LITERAL or call.literals[2] is NOT_LITERAL:
        raise invalid_query(
            "ST_CLUSTERDBSCAN: epsilon and minimum_geographies must be literals or query parameters"
        )
    rows = " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
    return nodes.template(
        f"bq_geo_cluster(list({{0}}) OVER ({{3}}{rows}), {{1}}, {{2}}, row_number() OVER ({{3}}{rows}))",
        value,
        reach,
        least,
        call.over,
    )


WINDOWS = [Window("st_clusterdbscan", (G, F, INT64), _cluster, frame=False)]
