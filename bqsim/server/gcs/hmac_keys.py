"""``storage.projects.hmacKeys``: keys of service accounts, with their states."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from bqsim.server.rest.reply import Reply

from .buckets import decode_token, encode_token, page_size
from .errors import StorageError, bad_value, required
from .request import Ask, off_loop
from .resources import time_text

FILE = "hmac-keys"
ACTIVE, INACTIVE, DELETED = "ACTIVE", "INACTIVE", "DELETED"
# Page "HMAC keys": keys of one service account, those that are deleted apart.
MAX_KEYS = 10


def _metadata(ask: Ask, key: Mapping[str, Any]) -> dict[str, Any]:
    project = key["projectId"]
    return {
        "kind": "storage#hmacKeyMetadata",
        "id": f"{project}/{key['accessId']}",
        "selfLink": f"{ask.base}/storage/v1/projects/{project}/hmacKeys/{key['accessId']}",
        "accessId": key["accessId"],
        "projectId": project,
        "serviceAccountEmail": key["serviceAccountEmail"],
        "state": key["state"],
        "timeCreated": time_text(key["created_us"]),
        "updated": time_text(key["updated_us"]),
        "etag": base64.b64encode(f"{key['accessId'][-8:]}/{key['updated_us']}".encode()).decode(),
    }


def _found(ask: Ask, keys: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    key = keys.get(ask.path["accessId"])
    if key is None or key["projectId"] != ask.path["project"]:
        raise StorageError(404, "notFound", f"Access ID not found in project {ask.path['project']}.")
    return key


async def insert(ask: Ask) -> Reply:
    """A new key: the only answer that tells its secret."""
    email = ask.query.get("serviceAccountEmail")
    if not email:
        raise required("serviceAccountEmail")
    if "@" not in email:
        raise bad_value(f"Invalid service account: {email[:200]}", "serviceAccountEmail")
    draws, now_us = ask.core.draws, ask.core.clock.now_us()
    access_id = "GOOG1E" + "".join(draws.hex_id("hmac access id") for _ in range(2))[:55].upper()
    key = {
        "accessId": access_id,
        "projectId": ask.path["project"],
        "serviceAccountEmail": email,
        "state": ACTIVE,
        "created_us": now_us,
        "updated_us": now_us,
    }
    secret = base64.b64encode(
        bytes.fromhex("".join(draws.hex_id("hmac secret", 30) for _ in range(2)))
    ).decode()

    def work() -> None:
        def added(keys: dict[str, Any]) -> dict[str, Any]:
            own = [k for k in keys.values() if k["serviceAccountEmail"] == email and k["state"] != DELETED]
            if len(own) >= MAX_KEYS:
                text = f"The maximum number of HMAC keys for the service account is {MAX_KEYS}."
                raise StorageError(429, "rateLimitExceeded", text)
            return {**keys, access_id: {**key, "secret": secret}}

        ask.store.notes.change(FILE, added)

    await off_loop(work)
    return Reply({"kind": "storage#hmacKey", "metadata": _metadata(ask, key), "secret": secret})


async def list_(ask: Ask) -> Reply:
    """The keys of a project."""
    after, size = decode_token(ask.query.get("pageToken", "")), page_size(ask)
    email = ask.query.get("serviceAccountEmail")
    deleted = ask.query.get("showDeletedKeys", "").lower() == "true"
    keys = await off_loop(lambda: ask.store.notes.of(FILE))
    found = [
        keys[access_id]
        for access_id in sorted(keys)
        if access_id > after
        and keys[access_id]["projectId"] == ask.path["project"]
        and (not email or keys[access_id]["serviceAccountEmail"] == email)
        and (deleted or keys[access_id]["state"] != DELETED)
    ]
    body: dict[str, Any] = {"kind": "storage#hmacKeysMetadata"}
    if found:
        body["items"] = [_metadata(ask, key) for key in found[:size]]
    if len(found) > size:
        body["nextPageToken"] = encode_token(found[size - 1]["accessId"])
    return Reply(body)


async def get(ask: Ask) -> Reply:
    """A key without its secret."""
    return Reply(_metadata(ask, _found(ask, await off_loop(lambda: ask.store.notes.of(FILE)))))


async def update(ask: Ask) -> Reply:
    """Give a key the state ACTIVE or INACTIVE."""
    state = ask.body.get("state")
    if state not in (ACTIVE, INACTIVE):
        raise bad_value(f"Invalid value for state: {str(state)[:40]}", "state")
    return Reply(_metadata(ask, await _set(ask, state)))


async def delete(ask: Ask) -> Reply:
    """Delete a key that is not active."""
    await _set(ask, DELETED)
    return Reply(None, 204)


async def _set(ask: Ask, state: str) -> dict[str, Any]:
    now_us = ask.core.clock.now_us()

    def changed(keys: dict[str, Any]) -> dict[str, Any]:
        key = _found(ask, keys)
        if key["state"] == DELETED:
            raise bad_value("Cannot change the state of a key that is deleted.")
        if state == DELETED and key["state"] == ACTIVE:
            raise bad_value("Cannot delete keys in 'ACTIVE' state.")
        return {**keys, key["accessId"]: {**key, "state": state, "updated_us": now_us}}

    kept: dict[str, Any] = await off_loop(lambda: ask.store.notes.change(FILE, changed))
    found: dict[str, Any] = kept[ask.path["accessId"]]
    return found
