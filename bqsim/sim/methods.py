"""The API method ids of the Storage API that the simulation treats in ways of their own."""

from __future__ import annotations

STORAGE = "google.cloud.bigquery.storage.v1."
READ, WRITE = f"{STORAGE}BigQueryRead.", f"{STORAGE}BigQueryWrite."
# Streams of answers, whose messages are pages; every message of AppendRows is a call of its own.
READ_ROWS, APPEND_ROWS = f"{READ}ReadRows", f"{WRITE}AppendRows"
STREAMS = frozenset({READ_ROWS, APPEND_ROWS})
BATCH_COMMIT = f"{WRITE}BatchCommitWriteStreams"
