"""Texts of any form that BigQuery accepts for a GEOGRAPHY: WKT, GeoJSON, hexadecimal WKB."""

from __future__ import annotations

import re
from typing import Any

from .geojson import parse_geojson
from .normal import checked, normalised
from .shapes import Shape, pack, parse_wkb, points_array
from .wkt import format_wkt, parse_wkt, point_of

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def parse_any(text: str) -> Shape:
    """The shape of a text in normal form. Raises :class:`BadGeography`."""
    text = text.strip()
    if text.startswith("{"):
        return normalised(parse_geojson(text), planar=True)
    if _HEX.fullmatch(text):
        return normalised(parse_wkb(bytes.fromhex(text)))
    return normalised(parse_wkt(text))


def canonical_text(text: str) -> str:
    """The WKT of a text of any form. Raises :class:`BadGeography`."""
    point = point_of(text)
    if point is not None:
        return format_wkt(Shape(points=[checked(point)]))
    return format_wkt(parse_any(text))


def values_of(texts: Any) -> Any:
    """The column of values of a column of texts; NULL stays NULL. Raises :class:`BadGeography`."""
    import numpy as np
    import pyarrow as pa

    given = texts.to_pylist()
    points = [None if text is None else point_of(text) for text in given]
    if all(p is not None or t is None for p, t in zip(points, given, strict=True)):
        pairs = np.array([(0.0, 0.0) if p is None else checked(p) for p in points]).reshape(-1, 2)
        valid = texts if not isinstance(texts, pa.ChunkedArray) else texts.combine_chunks()
        return points_array(pairs[:, 0], pairs[:, 1], valid)
    return pa.array([None if text is None else pack(parse_any(text)) for text in given], pa.binary())
