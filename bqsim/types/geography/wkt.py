"""Well-known text (BigQuery page *Geography functions*, ST_GEOGFROMTEXT and ST_ASTEXT)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .shapes import FULL, BadGeography, Path, Shape, is_full, one_chunk, point_columns

_TOKEN = re.compile(r"\s*([A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[(),]|\S)")
_NUMBER = re.compile(r"[-+.\d]")
_FULL = "FULLGLOBE"
_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+([^\s)]+)\s*\)\s*", re.IGNORECASE)


def number(value: float) -> str:
    """A coordinate with up to 15 significant digits."""
    return f"{value + 0.0:.15g}"


def format_wkt(shape: Shape) -> str:
    """The text of a shape in normal form."""
    if not shape.count:
        return "GEOMETRYCOLLECTION EMPTY"
    if len(shape.polygons) == 1 and is_full(shape.polygons[0]):
        return _FULL
    kinds = (
        ("POINT", [_path([point]) for point in shape.points]),
        ("LINESTRING", [_path(line) for line in shape.lines]),
        ("POLYGON", [_rings(polygon) for polygon in shape.polygons]),
    )
    present = [_one_kind(name, texts) for name, texts in kinds if texts]
    return present[0] if len(present) == 1 else f"GEOMETRYCOLLECTION({', '.join(present)})"


def _one_kind(name: str, texts: list[str]) -> str:
    if len(texts) == 1:
        return name + texts[0]
    if name == "POINT":
        texts = [text[1:-1] for text in texts]
    return f"MULTI{name}({', '.join(texts)})"


def _path(path: Path) -> str:
    return f"({', '.join(f'{number(x)} {number(y)}' for x, y in path)})"


def _rings(polygon: list[Path]) -> str:
    return f"({', '.join(_path(ring + ring[:1]) for ring in polygon)})"


def point_texts(values: Any) -> list[str] | None:
    """The texts of a column that holds points only, else None."""
    columns = point_columns(values)
    if columns is None:
        return None
    pairs = zip((columns[0] + 0.0).tolist(), (columns[1] + 0.0).tolist(), strict=True)
    return ["POINT(%.15g %.15g)" % pair for pair in pairs]  # noqa: UP031


def point_of(text: str) -> tuple[float, float] | None:
    """The vertex of the text of one point, None of other texts."""
    match = _POINT.fullmatch(text)
    if match is None:
        return None
    try:
        return float(match[1]), float(match[2])
    except ValueError:
        return None


def parse_wkt(text: str) -> Shape:
    """The shape that a text spells, as it stands: rings with the vertex that closes them.

    Raises :class:`BadGeography`.
    """
    parser = _Parser(text)
    shape = parser.geometry()
    if parser.peek():
        raise BadGeography(f"Unexpected text after the WKT geometry: {parser.peek()}")
    return shape


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, wanted: str) -> None:
        token = self.next()
        if token != wanted:
            raise BadGeography(f"Expected {wanted!r} but found {token or 'end of text'!r} in WKT")

    def geometry(self) -> Shape:
        kind = self.next().upper()
        if kind == _FULL:
            return FULL
        read = _KINDS.get(kind)
        if read is None:
            raise BadGeography(f"Unknown WKT geometry type: {kind}" if kind else "Empty WKT")
        word = self.peek().upper()
        if word in ("Z", "M", "ZM"):
            raise BadGeography(f"WKT geometries with {word} coordinates are not supported")
        if word == "EMPTY":
            self.next()
            return Shape()
        return read(self)

    def items(self, read: Callable[[], Any]) -> list[Any]:
        self.expect("(")
        found = [read()]
        while self.peek() == ",":
            self.next()
            found.append(read())
        self.expect(")")
        return found

    def vertex(self) -> tuple[float, float]:
        x, y = self.coordinate(), self.coordinate()
        if _NUMBER.match(self.peek()):
            raise BadGeography("WKT coordinates must have exactly two numbers")
        return x, y

    def coordinate(self) -> float:
        token = self.next()
        try:
            return float(token)
        except ValueError:
            raise BadGeography(f"Expected a number but found {token or 'end of text'!r} in WKT") from None

    def wrapped_vertex(self) -> tuple[float, float]:
        """A vertex of MULTIPOINT, which may stand in parentheses."""
        if self.peek() != "(":
            return self.vertex()
        self.next()
        found = self.vertex()
        self.expect(")")
        return found

    def path(self) -> Path:
        if self.peek().upper() == "EMPTY":
            self.next()
            return []
        return self.items(self.vertex)

    def rings(self) -> list[Path]:
        if self.peek().upper() == "EMPTY":
            self.next()
            return []
        return self.items(self.path)

    def collection(self) -> Shape:
        found = Shape()
        self.depth += 1
        if self.depth > 100:
            raise BadGeography("WKT geometry collections are nested too deeply")
        for part in self.items(self.geometry):
            found.add(part)
        self.depth -= 1
        return found


_KINDS: dict[str, Callable[[_Parser], Shape]] = {
    "POINT": lambda p: Shape(points=_one(p.items(p.vertex))),
    "LINESTRING": lambda p: Shape(lines=[p.path()]),
    "POLYGON": lambda p: Shape(polygons=[p.rings()]),
    "MULTIPOINT": lambda p: Shape(points=p.items(p.wrapped_vertex)),
    "MULTILINESTRING": lambda p: Shape(lines=[path for path in p.items(p.path) if path]),
    "MULTIPOLYGON": lambda p: Shape(polygons=[rings for rings in p.items(p.rings) if rings]),
    "GEOMETRYCOLLECTION": _Parser.collection,
}


def _one(points: Path) -> Path:
    if len(points) != 1:
        raise BadGeography("WKT POINT must have exactly one position")
    return points


def texts_of(values: Any) -> Any:
    """The column of texts of a column of values; NULL stays NULL."""
    import pyarrow as pa

    from .shapes import unpack

    array = one_chunk(values)
    texts = point_texts(array)
    if texts is not None:
        return pa.array(texts, pa.string())
    found = [None if data is None else format_wkt(unpack(data)) for data in array.to_pylist()]
    return pa.array(found, pa.string())
