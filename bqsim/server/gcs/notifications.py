"""``storage.notifications``: which changes of a bucket go to which topic. They are kept; nothing is sent."""

from __future__ import annotations

import re
from typing import Any

from bqsim.objects import Bucket
from bqsim.server.rest.reply import Reply

from .changing import change_bucket
from .errors import StorageError, bad_value, required
from .request import Ask, off_loop
from .resources import link_of

KEPT = "%notifications"
_TOPIC = re.compile(r"//pubsub\.googleapis\.com/projects/[^/]+/topics/[^/]+\Z")
_FORMATS = ("JSON_API_V1", "NONE")
# Page "Pub/Sub notifications": configurations of one bucket.
MAX_CONFIGS = 100


def _kept(bucket: Bucket) -> list[dict[str, Any]]:
    return list(bucket.attributes.get(KEPT) or ())


def _shown(ask: Ask, bucket: Bucket, config: dict[str, Any]) -> dict[str, Any]:
    link = f"{link_of(ask.base, bucket.name)}/notificationConfigs/{config['id']}"
    return {"kind": "storage#notification", "selfLink": link, "etag": config["id"], **config}


def _found(ask: Ask, bucket: Bucket) -> dict[str, Any]:
    wanted = ask.path["notification"]
    for config in _kept(bucket):
        if config["id"] == wanted:
            return config
    raise StorageError(404, "notFound", f"The specified notification {wanted[:100]} does not exist.")


async def list_(ask: Ask) -> Reply:
    """All configurations."""
    bucket = ask.bucket()
    items = [_shown(ask, bucket, config) for config in _kept(bucket)]
    return Reply({"kind": "storage#notifications", **({"items": items} if items else {})})


async def get(ask: Ask) -> Reply:
    """One configuration."""
    bucket = ask.bucket()
    return Reply(_shown(ask, bucket, _found(ask, bucket)))


async def insert(ask: Ask) -> Reply:
    """A new configuration."""
    bucket, body = ask.bucket(), ask.body
    topic = body.get("topic")
    if not isinstance(topic, str) or not topic:
        raise required("topic")
    if _TOPIC.match(topic) is None:
        raise bad_value(f"Invalid Google Cloud Pub/Sub topic: {topic[:200]}", "topic")
    payload = body.get("payload_format", "JSON_API_V1")
    if payload not in _FORMATS:
        raise bad_value(f"Invalid value for payload_format: {str(payload)[:40]}", "payload_format")
    before = _kept(bucket)
    if len(before) >= MAX_CONFIGS:
        raise bad_value(f"Cannot have more than {MAX_CONFIGS} notification configs")
    config: dict[str, Any] = {
        "id": str(max((int(c["id"]) for c in before), default=0) + 1),
        "topic": topic,
        "payload_format": payload,
    }
    for name, kind in (("event_types", list), ("custom_attributes", dict), ("object_name_prefix", str)):
        if body.get(name) is not None:
            if not isinstance(body[name], kind):
                raise bad_value(f"Invalid value for field '{name}'.", name)
            config[name] = body[name]
    await off_loop(lambda: change_bucket(ask, lambda known: {**known, KEPT: [*before, config]}))
    return Reply(_shown(ask, bucket, config))


async def delete(ask: Ask) -> Reply:
    """Take a configuration away."""
    bucket = ask.bucket()
    gone = _found(ask, bucket)
    left = [c for c in _kept(bucket) if c != gone]
    await off_loop(lambda: change_bucket(ask, lambda known: {**known, KEPT: left}))
    return Reply(None, 204)
