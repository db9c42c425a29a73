"""KML geometries: coordinates of points, linestrings and polygon boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.types.geography.shapes import BadGeography, Path, Shape, Vertex

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def format_kml(shape: Shape) -> str:
    """The text of a shape in normal form."""
    parts = [
        *(f"<Point>{_coordinates([point])}</Point>" for point in shape.points),
        *(f"<LineString>{_coordinates(line)}</LineString>" for line in shape.lines),
        *(_polygon(polygon) for polygon in shape.polygons),
    ]
    return parts[0] if len(parts) == 1 else f"<MultiGeometry>{''.join(parts)}</MultiGeometry>"


def _polygon(rings: list[Path]) -> str:
    texts = [f"<LinearRing>{_coordinates(ring + ring[:1])}</LinearRing>" for ring in rings]
    inner = "".join(f"<innerBoundaryIs>{text}</innerBoundaryIs>" for text in texts[1:])
    return f"<Polygon><outerBoundaryIs>{texts[0]}</outerBoundaryIs>{inner}</Polygon>"


def _coordinates(path: Path) -> str:
    return f"<coordinates>{' '.join(f'{_digits(x)},{_digits(y)}' for x, y in path)}</coordinates>"


def _digits(value: float) -> str:
    text = f"{value + 0.0:.15g}"
    return text if float(text) == value else repr(value)


def parse_kml(text: str) -> Shape:
    """The shape that a geometry element spells, as it stands. Raises :class:`BadGeography`."""
    from xml.etree import ElementTree

    if "<!" in text:
        raise BadGeography("Unable to parse KML string")
    try:
        return _shape(ElementTree.fromstring(text))
    except ElementTree.ParseError:
        raise BadGeography("Unable to parse KML string") from None


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _shape(element: Element) -> Shape:
    name = _name(element)
    if name == "MultiGeometry":
        found = Shape()
        for child in element:
            found.add(_shape(child))
        return found
    if name == "Point":
        path = _path(element)
        if len(path) > 1:
            raise BadGeography("KML Point must have one position")
        return Shape(points=path)
    if name == "LineString":
        return Shape(lines=[_path(element)])
    if name == "Polygon":
        outer = [_boundary(child) for child in element if _name(child) == "outerBoundaryIs"]
        inner = [_boundary(child) for child in element if _name(child) == "innerBoundaryIs"]
        if len(outer) != 1:
            raise BadGeography("KML Polygon must have one outerBoundaryIs")
        return Shape(polygons=[outer + inner])
    raise BadGeography(f"Unknown KML geometry type: {name}")


def _boundary(element: Element) -> Path:
    rings = [child for child in element if _name(child) == "LinearRing"]
    if len(rings) != 1:
        raise BadGeography("KML polygon boundary must have one LinearRing")
    return _path(rings[0])


def _path(element: Element) -> Path:
    texts = [child.text or "" for child in element if _name(child) == "coordinates"]
    if len(texts) != 1:
        raise BadGeography("KML geometry must have one coordinates element")
    return [_vertex(item) for item in texts[0].split()]


def _vertex(text: str) -> Vertex:
    numbers = text.split(",")
    try:
        if len(numbers) in (2, 3):
            return float(numbers[0]), float(numbers[1])
    except ValueError:
        pass
    raise BadGeography(f"Invalid KML coordinates: {text}")
