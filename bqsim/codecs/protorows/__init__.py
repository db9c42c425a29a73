"""Serialised protobuf rows to raw Arrow columns."""

from __future__ import annotations

from .decoder import Decoded, RowDecoder
from .descriptor import ProtoField

__all__ = ["Decoded", "ProtoField", "RowDecoder"]
