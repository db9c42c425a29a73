"""Objects under ``gs://`` names: what exports write and loads read, kept in a folder."""

from .model import Bucket, ObjectInfo, PreconditionFailed
from .store import ObjectStore
from .uris import Uri, parse_uri
from .writer import ObjectWriter

__all__ = [
    "Bucket",
    "ObjectInfo",
    "ObjectStore",
    "ObjectWriter",
    "PreconditionFailed",
    "Uri",
    "parse_uri",
]
