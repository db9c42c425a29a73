"""Snapshots of the whole world, and copies of one project under another id."""

from .build import worlds_of
from .parts import StoredPart, WorldPart
from .worlds import Snapshot, Worlds

__all__ = ["Snapshot", "StoredPart", "WorldPart", "Worlds", "worlds_of"]
