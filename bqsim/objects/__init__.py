"""Objects under ``gs://`` names: what exports write and loads read, kept in a folder."""

from .store import Bucket, ObjectInfo, ObjectStore, ObjectWriter, PreconditionFailed
from .uris import Uri, parse_uri

__all__ = [
    "Bucket",
    "ObjectInfo",
    "ObjectStore",
    "ObjectWriter",
    "PreconditionFailed",
    "Uri",
    "parse_uri",
]
