"""ST_GEOGPOINT, the parsers, ST_MAKELINE and ST_MAKEPOLYGON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.engine.kernels.kernel import Kernel
from bqsim.errors import invalid_query
from bqsim.types.geography.geojson import parse_geojson
from bqsim.types.geography.normal import normalised
from bqsim.types.geography.parse import parse_any
from bqsim.types.geography.shapes import FULL, BadGeography, Path, Shape, parse_wkb, points_array
from bqsim.types.geography.wkt import parse_wkt

from .geohash import decode
from .kml import parse_kml
from .objects import binary, failing, failure, validated
from .repair import repaired


def _points(lngs: Any, lats: Any) -> Any:
    import numpy as np

    lng, lat = np.asarray(lngs, float), np.asarray(lats, float)
    if not ((lat >= -90) & (lat <= 90)).all():
        raise failure("ST_GeogPoint", "Latitude must be between -90 and 90 degrees.")
    if not np.isfinite(lng).all():
        raise failure("ST_GeogPoint", "Longitude must be a finite number.")
    beyond = (lng < -180) | (lng > 180)
    if beyond.any():
        lng = np.where(beyond, (lng + 180) % 360 - 180, lng)
    return points_array(lng, lat)


def _parser(
    name: str, parse: Callable[[Any], Shape], *, options: tuple[str, ...] = (), planar: bool = False
) -> Callable[..., Any]:
    """The kernel of a parsing function, with the flags ``options`` after its text."""

    def run(texts: Any, *flags: Any) -> Any:
        columns = [flag.to_pylist() for flag in flags]
        made: dict[Any, Shape] = {}
        found: list[Shape | None] = []
        for row in zip(texts.to_pylist(), *columns, strict=True):
            if row not in made:
                made[row] = _parsed(name, parse, row[0], planar, dict(zip(options, row[1:], strict=False)))
            found.append(made[row])
        return binary(found)

    return run


def _parsed(
    name: str, parse: Callable[[Any], Shape], text: Any, planar: bool, flags: dict[str, bool]
) -> Shape:
    oriented, make_valid = flags.get("oriented", False), flags.get("make_valid", False)
    planar = flags.get("planar", planar)
    if oriented and (planar or make_valid):
        other = "planar" if planar else "make_valid"
        raise invalid_query(f"{name}: oriented and {other} cannot be TRUE at the same time")
    try:
        shape = parse(text)
        if make_valid:
            return repaired(shape, planar=planar)
        return validated(normalised(shape, oriented=oriented, planar=planar))
    except BadGeography as bad:
        raise failure(name, str(bad)) from None


def _from_hex(text: str) -> Shape:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise BadGeography("Unable to parse WKB in hexadecimal text") from None
    return parse_wkb(data)


def _from_any(texts: Any) -> Any:
    made: list[Shape | None] = [validated(parse_any(text)) for text in texts.to_pylist()]
    return binary(made)


def _from_geohash(texts: Any) -> Any:
    import numpy as np

    found = np.array([decode(text) for text in texts.to_pylist()]).reshape(-1, 2)
    return points_array(found[:, 0], found[:, 1])


def _line(values: list[Any]) -> Shape:
    """One linestring through points and linestrings in their order."""
    from bqsim.types.geography.shapes import unpack

    path: Path = []
    for data in values:
        shape = unpack(data)
        if shape.count != 1 or shape.polygons:
            raise BadGeography("Input geographies must each be a single point or a single linestring")
        path += shape.points or shape.lines[0]
    return normalised(Shape(lines=[path] if path else []))


def _make_line(first: Any, second: Any) -> Any:
    return binary([_line(list(pair)) for pair in zip(first.to_pylist(), second.to_pylist(), strict=True)])


def _make_line_of_list(lists: Any) -> Any:
    found: list[Shape | None] = []
    for values in lists.to_pylist():
        found.append(None if values is None or None in values else _line(values))
    return binary(found)


def _ring(data: bytes) -> Path | None:
    """The ring of a linestring; None of nothing, which is the full loop."""
    from bqsim.types.geography.shapes import unpack

    shape = unpack(data)
    if not shape.count:
        return None
    if shape.count != 1 or not shape.lines:
        raise BadGeography("Input geographies must each be a single linestring")
    [line] = shape.lines
    return line if line[0] == line[-1] else line + line[:1]


def _polygon(values: list[bytes], oriented: bool) -> Shape:
    rings = [_ring(data) for data in values]
    if not rings or rings[0] is None:
        return FULL
    present = [ring for ring in rings if ring is not None]
    return validated(normalised(Shape(polygons=[present]), oriented=oriented))


def _make_polygon(shells: Any) -> Any:
    return binary([_polygon([data], False) for data in shells.to_pylist()])


def _make_polygon_with_holes(shells: Any, holes: Any) -> Any:
    rows = zip(shells.to_pylist(), holes.to_pylist(), strict=True)
    return binary(
        [None if s is None or h is None or None in h else _polygon([s, *h], False) for s, h in rows]
    )


def _make_oriented(lists: Any) -> Any:
    rows = lists.to_pylist()
    return binary([None if row is None or None in row else _polygon(row, True) for row in rows])


_TEXT_FLAGS = ("oriented", "planar", "make_valid")
_BOOLS = ("BOOLEAN",) * 3


def _parsers() -> list[Kernel]:
    """The parsing functions without flags and with each of their signatures."""
    found = []
    for kernel, name, type_, parse, planar, signatures in (
        ("text", "ST_GeogFromText", "VARCHAR", parse_wkt, False, ((), ("oriented",), _TEXT_FLAGS)),
        ("geojson", "ST_GeogFromGeoJSON", "VARCHAR", parse_geojson, True, ((), ("make_valid",))),
        ("kml", "ST_GeogFromKML", "VARCHAR", parse_kml, False, ((),)),
        ("wkb", "ST_GeogFromWKB", "BLOB", parse_wkb, False, ((), ("oriented",), _TEXT_FLAGS)),
        ("hex", "ST_GeogFromWKB", "VARCHAR", _from_hex, False, ((), ("oriented",), _TEXT_FLAGS)),
    ):
        for options in signatures:
            function = _parser(name, parse, options=options, planar=planar)
            types = (type_, *_BOOLS[: len(options)])
            found.append(Kernel(f"bq_geo_from_{kernel}_{len(options)}", types, "BLOB", function))
    return found


KERNELS = (
    Kernel("bq_geo_point", ("DOUBLE", "DOUBLE"), "BLOB", _points),
    *_parsers(),
    Kernel("bq_geo_from_any", ("VARCHAR",), "BLOB", failing("ST_GeogFrom", _from_any)),
    Kernel("bq_geo_from_geohash", ("VARCHAR",), "BLOB", failing("ST_GeogPointFromGeoHash", _from_geohash)),
    Kernel("bq_geo_make_line", ("BLOB", "BLOB"), "BLOB", failing("ST_MakeLine", _make_line)),
    Kernel(
        "bq_geo_make_line_of_list",
        ("BLOB[]",),
        "BLOB",
        failing("ST_MakeLine", _make_line_of_list),
        null_in_null_out=False,
    ),
    Kernel("bq_geo_make_polygon", ("BLOB",), "BLOB", failing("ST_MakePolygon", _make_polygon)),
    Kernel(
        "bq_geo_make_polygon_with_holes",
        ("BLOB", "BLOB[]"),
        "BLOB",
        failing("ST_MakePolygon", _make_polygon_with_holes),
        null_in_null_out=False,
    ),
    Kernel(
        "bq_geo_make_polygon_oriented",
        ("BLOB[]",),
        "BLOB",
        failing("ST_MakePolygonOriented", _make_oriented),
        null_in_null_out=False,
    ),
)
