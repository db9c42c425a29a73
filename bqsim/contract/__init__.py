"""Contract checks: the same requests to several endpoints, their answers compared field by field."""
