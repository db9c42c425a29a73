"""Folding: exchanges become operations.

Twice the exchanges are gone through: first each is given to the group of calls that make up one operation,
and what names things anew in every run is noted (:mod:`.grouping`); then each group becomes an operation
(:mod:`.jobs`, :mod:`.calls`, :mod:`.appends`), whose JSON has symbols for all of that (:mod:`.identities`).
Between and after, only what is small is held.
"""
