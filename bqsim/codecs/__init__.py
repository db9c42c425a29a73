"""Rows as bytes of other systems, encoded and decoded in bulk: Avro and protocol buffers."""
