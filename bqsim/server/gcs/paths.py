"""Paths of Cloud Storage: which of its APIs they are of, and what is asked for."""

from __future__ import annotations

# The longest that fits counts.
_PREFIXES = (
    "/storage/v1/",
    "/download/storage/v1/",
    "/download/",
    "/upload/storage/v1/",
    "/resumable/upload/storage/v1/",
    "/upload/",
    "/resumable/upload/",
    "/",
)
# What the paths of the JSON API begin with.
_JSON_ROOTS = ("storage", "download", "b", "upload", "resumable")


def is_json(path: str) -> bool:
    """Whether a path is one of the JSON API; else it is ``/<bucket>/<object>`` of the XML API."""
    return path[1:].partition("/")[0] in _JSON_ROOTS


def below_prefix(path: str) -> str:
    """What a path of the JSON API says behind its prefix: ``b/<bucket>/o``."""
    return next(path[len(prefix) :] for prefix in _PREFIXES if path.startswith(prefix))
