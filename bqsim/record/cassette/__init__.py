"""Cassettes: folders that hold operations.

::

    orders.cassette/
      cassette.json        the header: format, dates, clients, names, rules of redaction
      operations.txt       the operations, readable, in a stable order
      blobs/4f/4f1c….zst   large values by their SHA-256, compressed
    orders.measures.jsonl  beside it: times and figures that differ from run to run

Recording the same thing twice gives the same folder.
"""
