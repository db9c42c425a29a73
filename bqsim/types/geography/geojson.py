"""GeoJSON geometries (RFC 7946; BigQuery page *Geography functions*, ST_GEOGFROMGEOJSON)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .normal import to_planar
from .shapes import BadGeography, Path, Shape
from .wkt import number


def format_geojson(shape: Shape) -> str:
    """The text of a shape in normal form; edges are split where planar ones would stray."""
    return _geometry(to_planar(shape)) + " "


def _geometry(shape: Shape) -> str:
    kinds = (
        ("Point", [_position(point) for point in shape.points]),
        ("LineString", [_positions(line) for line in shape.lines]),
        ("Polygon", [_list(_positions(r) for r in polygon) for polygon in shape.polygons]),
    )
    present = [
        _object(name, texts[0]) if len(texts) == 1 else _object(f"Multi{name}", _list(texts))
        for name, texts in kinds
        if texts
    ]
    if len(present) == 1:
        return present[0]
    return f'{{ "type": "GeometryCollection", "geometries": {_list(present)} }}'


def _object(name: str, coordinates: str) -> str:
    return f'{{ "type": "{name}", "coordinates": {coordinates} }}'


def _list(texts: Any) -> str:
    inner = ", ".join(texts)
    return f"[ {inner} ]" if inner else "[  ]"


def _position(vertex: tuple[float, float]) -> str:
    return f"[{number(vertex[0])}, {number(vertex[1])}]"


def _positions(path: Path) -> str:
    return _list(_position(vertex) for vertex in path)


def parse_geojson(text: str) -> Shape:
    """The shape that a geometry object spells, as it stands: rings with the vertex that closes them.

    Raises :class:`BadGeography`.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadGeography("Unable to parse GeoJSON string") from None
    return _shape(document)


def _shape(node: Any) -> Shape:
    if not isinstance(node, dict):
        raise BadGeography("GeoJSON geometry should be a JSON object")
    kind = node.get("type")
    if kind in ("Feature", "FeatureCollection"):
        raise BadGeography("GeoJSON input must be a Geometry object, not Feature or FeatureCollection")
    if kind == "GeometryCollection":
        found = Shape()
        for part in _array(node.get("geometries"), "geometries"):
            found.add(_shape(part))
        return found
    if kind not in _READERS:
        raise BadGeography(f"Unknown GeoJSON geometry type: {kind}")
    read: Callable[[list[Any]], Shape] = _READERS[kind]
    return read(_array(node.get("coordinates"), "coordinates"))


def _array(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadGeography(f"GeoJSON member {name} should be an array")
    return value


def _vertex(value: Any) -> tuple[float, float]:
    pair = _array(value, "coordinates")
    if len(pair) != 2:
        raise BadGeography("GeoJSON position should have exactly 2 elements: longitude and latitude")
    for name, item in zip(("Longitude", "Latitude"), pair, strict=True):
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise BadGeography(f"{name} should be a number")
    return float(pair[0]), float(pair[1])


def _path(value: Any) -> Path:
    return [_vertex(item) for item in _array(value, "coordinates")]


def _rings(value: Any) -> list[Path]:
    return [_path(item) for item in _array(value, "coordinates")]


def _some(items: Any) -> list[Any]:
    return [item for item in items if item]


_READERS: dict[Any, Any] = {
    "Point": lambda c: Shape(points=[_vertex(c)] if c else []),
    "MultiPoint": lambda c: Shape(points=_path(c)),
    "LineString": lambda c: Shape(lines=_some([_path(c)])),
    "MultiLineString": lambda c: Shape(lines=_some(map(_path, c))),
    "Polygon": lambda c: Shape(polygons=_some([_rings(c)])),
    "MultiPolygon": lambda c: Shape(polygons=_some(map(_rings, c))),
}
