"""Writing: streams, appended rows and their conversion, change data capture."""
