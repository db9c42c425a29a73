"""Geohashes: interleaved bits of longitude and latitude in base 32."""

from __future__ import annotations

from bqsim.types.geography.shapes import BadGeography, Vertex

_DIGITS = "0123456789bcdefghjkmnpqrstuvwxyz"
LONGEST = 20


def encode(vertex: Vertex, length: int) -> str:
    """The geohash of a vertex; a length out of 1 … 20 counts as 20."""
    length = length if 1 <= length <= LONGEST else LONGEST
    bounds = [[-180.0, 180.0], [-90.0, 90.0]]
    digits = []
    side = 0
    for _ in range(length):
        digit = 0
        for _ in range(5):
            low, high = bounds[side]
            middle = (low + high) / 2
            upper = vertex[side] >= middle
            digit = digit * 2 + upper
            bounds[side] = [middle, high] if upper else [low, middle]
            side = 1 - side
        digits.append(_DIGITS[digit])
    return "".join(digits)


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
