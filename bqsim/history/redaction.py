"""E-mail addresses in histories, in place of which names stand that tell people apart, not who they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from .model import JobRecord

DOMAIN = "redacted.invalid"
_ADDRESS = re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")


class Names:
    """Names for addresses: ``user-1@redacted.invalid`` as they come, or with a ``key`` by a keyed hash, which
    is the same in every file."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode()
        self._names: dict[str, str] = {}

    def of(self, address: str) -> str:
        """The name of an address."""
        folded = address.lower()
        if folded.endswith("@" + DOMAIN):
            return address
        known = self._names.get(folded)
        if known is None:
            known = self._names[folded] = f"user-{self._next(folded)}@{DOMAIN}"
        return known

    def _next(self, address: str) -> str:
        if not self._key:
            return str(len(self._names) + 1)
        key = hashlib.sha256(self._key).digest()
        return hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=8, key=key).hexdigest()

    def text(self, value: str) -> str:
        """``value`` with the names in place of addresses."""
        return _ADDRESS.sub(lambda found: self.of(found.group()), value) if "@" in value else value


def redacted(job: JobRecord, text: Callable[[str], str]) -> JobRecord:
    """A job whose user, text, error and labels have passed ``text``."""
    return replace(
        job,
        user=text(job.user),
        sql=text(job.sql),
        error_message=text(job.error_message),
        labels={key: text(value) for key, value in job.labels.items()},
        job_id=text(job.job_id),
    )
