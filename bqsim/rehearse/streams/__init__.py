"""Streaming capacity: what streams of rows ask of quotas, by the second, and what it costs."""
