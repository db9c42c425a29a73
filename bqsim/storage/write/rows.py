"""The rows of AppendRows requests: readers of protocol buffers and of Arrow."""

from __future__ import annotations

from .arrow_rows import arrow_reader
from .proto_rows import proto_reader
from .reading import ReadRows, RowReader

__all__ = ["ReadRows", "RowReader", "arrow_reader", "proto_reader"]
