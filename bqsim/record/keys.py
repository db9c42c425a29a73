"""What requests mean, as keys: two requests with one key are answered by the same recorded operation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def operation_key(kind: str, request: Mapping[str, Any]) -> str:
    """16 hex digits of what an operation's ``request`` means (:mod:`bqsim.record.shapes`)."""
    text = json.dumps([kind, identity(kind, request)], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def identity(kind: str, request: Mapping[str, Any]) -> Any:
    """The part of a request that tells it from others, in its normal form, as JSON."""
    return dict(request)
