"""What is told of buckets and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .uris import Uri


class PreconditionFailed(Exception):
    """An object is not at the generation that a write asks for."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. ``attributes`` is what the API accepts and returns as is.

    ``metageneration`` grows with each change of attributes; ``updated_us`` 0 is the time of creation.
    """

    name: str
    created_us: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    metageneration: int = 1
    updated_us: int = 0

    @property
    def keeps_versions(self) -> bool:
        """Whether what is overwritten or deleted stays as a noncurrent version."""
        versioning = self.attributes.get("versioning")
        return isinstance(versioning, Mapping) and bool(versioning.get("enabled"))

    @property
    def soft_delete_s(self) -> int:
        """For how many seconds what is gone otherwise can be restored; 0: not at all."""
        policy = self.attributes.get("softDeletePolicy")
        seconds = str(policy.get("retentionDurationSeconds", 0)) if isinstance(policy, Mapping) else ""
        return int(seconds) if seconds.isdecimal() and len(seconds) < 12 else 0


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object without its content. Times are epoch microseconds; ``attributes`` is what the API accepts
    and returns as is (``contentType``, ``metadata`` …).

    ``generation`` grows with each write of the object, ``metageneration`` with each change of attributes.
    ``hashes`` has those checksums that are known already; ``components`` is how many objects it was composed
    of, 0 when it was not. ``deleted_us`` is when it stopped to be current, None while it is;
    ``soft_deleted_us`` when it was deleted so that it can be restored until ``hard_delete_us``.
    """

    bucket: str
    name: str
    size: int
    generation: int
    metageneration: int
    created_us: int
    updated_us: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    components: int = 0
    deleted_us: int | None = None
    soft_deleted_us: int | None = None
    hard_delete_us: int | None = None

    @property
    def uri(self) -> str:
        return str(Uri(self.bucket, self.name))


# Raises when the object that is there (None: none) is not the one that a change is meant for.
Check = Callable[[ObjectInfo | None], None]


def at_generation(uri: Uri, generation: int) -> Check:
    """The object must be at this generation, 0: not be there. Raises :class:`PreconditionFailed`."""

    def check(found: ObjectInfo | None) -> None:
        if generation != (found.generation if found else 0):
            raise PreconditionFailed(str(uri))

    return check
