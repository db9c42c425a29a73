"""Requests that fail whatever is in them."""

from __future__ import annotations

from bqsim.storage.errors import StorageFailure


class Refused(bytes):
    """A serialised request that is not carried out: its answer is ``failure``, in its turn."""

    failure: StorageFailure

    @classmethod
    def of(cls, raw: bytes, failure: StorageFailure) -> Refused:
        """``raw``, refused."""
        made = cls(raw)
        made.failure = failure
        return made
