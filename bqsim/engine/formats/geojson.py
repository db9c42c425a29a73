"""Newline-delimited GeoJSON: a feature on each line, its geometry and its properties as columns."""

from __future__ import annotations

import json
from typing import Any

from bqsim.types import Field, TypeKind

from .json_rows import decode

GEOMETRY = Field("geometry", TypeKind.GEOGRAPHY)


def features(data: bytes) -> bytes:
    """The features of a file as rows of JSON: the properties, and the geometry as text of GeoJSON."""
    return b"\n".join(_row(line) for line in data.split(b"\n") if line.strip())


def feature_row(feature: Any) -> Any:
    """A feature as a row: the properties, and the geometry as text of GeoJSON; None for what is none."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return None
    geometry, properties = feature.get("geometry"), feature.get("properties") or {}
    if not isinstance(properties, dict):
        return None
    return {**properties, "geometry": None if geometry is None else json.dumps(geometry)}


def _row(line: bytes) -> bytes:
    try:
        feature: Any = decode(line)
    except (ValueError, RecursionError):
        return line
    # What is no feature the reader of rows tells of.
    return json.dumps(feature_row(feature)).encode()
