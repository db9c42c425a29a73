"""Rows as Avro: the schema and the bytes that the Storage Read API gives."""

from .encoder import RowEncoder
from .schema import avro_schema

__all__ = ["RowEncoder", "avro_schema"]
