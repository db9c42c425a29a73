"""Which upstream a REST call goes to, and whose address stands in answers."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, urlsplit

BIGQUERY = "https://bigquery.googleapis.com"
STORAGE = "https://storage.googleapis.com"
READ_WRITE = "bigquerystorage.googleapis.com:443"

# Addresses of Google's that stand in answers and mean one of the two services.
_GOOGLE = re.compile(
    r"https://(?:www\.googleapis\.com|bigquery(?:\.[a-z0-9-]+\.rep)?\.googleapis\.com|"
    r"storage(?:\.[a-z0-9-]+\.rep)?\.googleapis\.com)(?=/|$|[\"?])"
)
# How paths of Cloud Storage's JSON API begin; whatever else BigQuery and its emulators do not have is a
# bucket of the XML API.
_STORAGE = re.compile(r"/(?:(?:resumable/)?upload/|download/|batch/|)storage/|/(?:b|download)(?:/|$)")
_BIGQUERY = re.compile(
    r"/(?:(?:resumable/)?upload/|batch/|)bigquery(?:/|$)|/(?:batch|discovery|\$discovery|projects|upload|"
    r"resumable|bqsim)(?:/|\?|$)|/?(?:\?|$)"
)
# Uploads that are remembered with the address that began them.
_UPLOADS = 10_000


@dataclass(frozen=True, slots=True)
class Origin:
    """An upstream of REST calls: ``base`` is ``scheme://host[:port]``."""

    base: str
    host: str

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a URL. ValueError when it is none."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of an HTTP server")
        # ValueError of a wrong port.
        _ = parts.port
        host = parts.netloc.rpartition("@")[2]
        return cls(f"{parts.scheme}://{host}{parts.path.rstrip('/')}", host)


@dataclass(slots=True)
class Routes:
    """The upstreams, and which uploads began at other addresses of theirs."""

    bigquery: Origin
    storage: Origin
    _uploads: OrderedDict[str, Origin] = field(default_factory=OrderedDict)

    def origin(self, target: str) -> Origin:
        """Where a call of a path and query goes."""
        if self._uploads and "upload_id=" in target:
            found = self._uploads.get(_upload_id(target))
            if found is not None:
                return found
        if _STORAGE.match(target):
            return self.storage
        return self.bigquery if _BIGQUERY.match(target) else self.storage

    def back(self, location: str, base: str, *, upload: bool = False) -> str:
        """A ``Location`` as it leads back to the proxy at ``base``, when it is an upstream's.

        ``upload``: it names an upload, whose next calls go where the location said.
        """
        for origin in (self.bigquery, self.storage):
            if _begins(location, origin.base):
                return base + location[len(origin.base) :]
        google = _GOOGLE.match(location)
        if google is None:
            return location
        if upload:
            parts = urlsplit(location)
            self._remember(location, Origin(f"{parts.scheme}://{parts.netloc}", parts.netloc))
        return base + location[google.end() :]

    def rewritten(self, text: bytes, base: str) -> bytes:
        """A document with the addresses of the upstreams replaced by ``base``."""
        known = text.decode("utf-8", "surrogateescape")
        for address in sorted({self.bigquery.base, self.storage.base}, key=len, reverse=True):
            known = re.sub(re.escape(address) + r"(?=[/\"?])", lambda _: base, known)
        if self.is_google:
            known = _GOOGLE.sub(lambda _: base, known)
        return known.encode("utf-8", "surrogateescape")

    @property
    def is_google(self) -> bool:
        """Whether an upstream is the service itself, whose answers name several hosts."""
        return any(_GOOGLE.match(o.base) for o in (self.bigquery, self.storage))

    def _remember(self, location: str, origin: Origin) -> None:
        name = _upload_id(location)
        if name:
            self._uploads[name] = origin
            while len(self._uploads) > _UPLOADS:
                self._uploads.popitem(last=False)


def names_addresses(target: str, media: str) -> bool:
    """Whether an answer is a document whose addresses clients follow: the discovery document, resources of
    Cloud Storage."""
    if not media.startswith("application/json"):
        return False
    path, _, query = target.partition("?")
    if path.startswith(("/discovery/", "/$discovery/")):
        return True
    return path.startswith(("/storage/", "/upload/storage/", "/resumable/upload/storage/")) and (
        "alt=media" not in query
    )


def _begins(location: str, base: str) -> bool:
    return location.startswith(base) and location[len(base) : len(base) + 1] in ("", "/", "?")


def _upload_id(target: str) -> str:
    parts: SplitResult = urlsplit(target)
    found: Iterable[str] = parse_qs(parts.query).get("upload_id", ())
    return next(iter(found), "")
