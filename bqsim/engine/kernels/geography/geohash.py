"""Geohashes: interleaved bits of longitude and latitude in base 32."""

from __future__ import annotations

from typing import Any

from bqsim.types.geography.shapes import BadGeography, Vertex

_DIGITS = "0123456789bcdefghjkmnpqrstuvwxyz"
LONGEST = 20


def encode(lng: Any, lat: Any) -> Any:
    """The geohashes of vertices, as digits (n, 20) in ASCII."""
    import numpy as np

    half = LONGEST * 5 // 2
    places = []
    for degrees, span in ((lng, 360.0), (lat, 180.0)):
        scaled = np.floor((degrees + span / 2) / span * 2.0**half)
        places.append(np.clip(scaled, 0, 2.0**half - 1).astype(np.int64))
    alphabet = np.frombuffer(_DIGITS.encode(), np.uint8)
    found = np.empty((len(lng), LONGEST), np.uint8)
    for number in range(LONGEST):
        digit = np.zeros(len(lng), np.int64)
        for bit in range(5 * number, 5 * number + 5):
            digit = digit * 2 + ((places[bit % 2] >> (half - 1 - bit // 2)) & 1)
        found[:, number] = alphabet[digit]
    return found


def decode(text: str) -> Vertex:
    """The middle of a geohash's box. Raises :class:`BadGeography`."""
    if not text:
        raise BadGeography("GeoHash must not be empty")
    bounds = [[-180.0, 180.0], [-90.0, 90.0]]
    side = 0
    for letter in text.lower():
        digit = _DIGITS.find(letter)
        if digit < 0:
            raise BadGeography(f"Invalid GeoHash: {text}")
        for bit in range(4, -1, -1):
            low, high = bounds[side]
            middle = (low + high) / 2
            bounds[side] = [middle, high] if digit >> bit & 1 else [low, middle]
            side = 1 - side
    (west, east), (south, north) = bounds
    return (west + east) / 2, (south + north) / 2
