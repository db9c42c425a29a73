"""``gs://bucket/name`` URIs, in which ``*`` stands for any characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bqsim.errors import invalid

SCHEME = "gs://"
# Page "Cloud Storage object names": names have at most 1,024 bytes, without line breaks.
MAX_NAME_BYTES = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Uri:
    """A bucket and the name of an object in it, or the pattern of several."""

    bucket: str
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.name}"

    @property
    def wildcards(self) -> int:
        """How many ``*`` are in the name."""
        return self.name.count("*")

    @property
    def prefix(self) -> str:
        """What all names begin with that the pattern stands for."""
        return self.name.partition("*")[0]

    def matches(self, name: str) -> bool:
        """Whether the pattern stands for ``name``; ``*`` stands for slashes too."""
        pattern = ".*".join(re.escape(part) for part in self.name.split("*"))
        return re.fullmatch(pattern, name, re.DOTALL) is not None


def parse_uri(text: str) -> Uri:
    """The parts of ``gs://bucket/name``. Raises ``invalid`` for anything else."""
    bucket, slash, name = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME) or not slash or not name or not is_bucket_name(bucket):
        raise invalid(f"Invalid source URI: {text}" if text else "Source URI must not be empty")
    check_object_name(name)
    return Uri(bucket, name)


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may be called so (page *Bucket names*)."""
    return _BUCKET.fullmatch(name) is not None


def check_object_name(name: str) -> None:
    """Raises ``invalid`` for what no object may be called."""
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES or re.search(r"[\r\n\0]", name):
        raise invalid(f"Invalid object name: {name[:80]!r}")
    if name in (".", ".."):
        raise invalid(f"Invalid object name: {name!r}")
