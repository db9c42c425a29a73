"""``tabledata.insertAll``: rows of JSON into a table, with the service's errors for each row.

A request is read and checked (``request``), its rows become columns or errors (``rows``, ``partitions``),
rows whose ``insertId`` came a moment ago are left out (``repeats``), the rest is stored (``insert``), at once
or, when a simulation wants it seen later, by and by (``held``).
"""
