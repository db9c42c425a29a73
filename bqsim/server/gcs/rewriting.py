"""Objects made of others: compose, copy and rewrite."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from bqsim.objects import ObjectInfo
from bqsim.objects.checksums import Sums
from bqsim.objects.model import Check
from bqsim.objects.uris import Uri
from bqsim.server.rest.reply import Reply

from .acls import apply_predefined, checked_lists
from .conditions import check_of, number
from .errors import StorageError, bad_value, no_object, required
from .request import Ask, off_loop
from .resources import OBJECT_FIELDS, STANDARD, attributes_of, object_json, without_nulls

MAX_SOURCES = 32
_BLOCK = 1024 * 1024


async def compose(ask: Ask) -> Reply:
    """One object of up to 32 others of its bucket."""
    bucket = ask.bucket().name
    sources = ask.body.get("sourceObjects")
    if not isinstance(sources, list) or not sources or not all(isinstance(s, dict) for s in sources):
        raise bad_value("You must provide at least one source component.", "sourceObjects", "required")
    if len(sources) > MAX_SOURCES:
        text = (
            f"The number of source components provided ({len(sources)}) exceeds the maximum ({MAX_SOURCES})"
        )
        raise bad_value(text, "sourceObjects")
    destination = ask.body.get("destination") or {}
    if not isinstance(destination, dict):
        raise bad_value("Invalid value for field 'destination'.", "destination")
    attributes = checked_lists(without_nulls(attributes_of(destination, OBJECT_FIELDS)), of_object=True)
    apply_predefined(ask.query, attributes, ask.project, ("destinationPredefinedAcl", "acl"))
    check = check_of(ask.query)

    def work() -> Reply:
        # Told before anything is copied.
        check(ask.store.find(bucket, ask.path["object"]))
        components, opened = 0, []
        try:
            for source in sources:
                info, stream = _component(ask, bucket, source)
                opened.append(stream)
                components += info.components or 1
            path = ask.store.scratch()
            sums = _concatenate(opened, path)
        finally:
            for stream in opened:
                stream.close()
        hashes = {"crc32c": sums.crc32c}
        made = ask.store.adopt(ask.uri, path, attributes, check=check, hashes=hashes, components=components)
        return ask.shown(made)

    return await off_loop(work)


def _component(ask: Ask, bucket: str, source: Mapping[str, Any]) -> tuple[ObjectInfo, BinaryIO]:
    name = source.get("name")
    if not isinstance(name, str) or not name:
        raise required("sourceObjects[].name")
    conditions = source.get("objectPreconditions")
    given = {} if not isinstance(conditions, dict) else {k: str(v) for k, v in conditions.items()}
    generation = number({"generation": str(source.get("generation") or "")}, "generation")
    opened = ask.store.open_version(bucket, name, generation)
    if opened is None:
        text = f"Object {name} (generation: {generation or 0}) not found."
        raise StorageError(404, "notFound", text)
    try:
        check_of(given)(opened[0])
    except StorageError:
        opened[1].close()
        raise
    return opened


def _concatenate(streams: list[BinaryIO], path: Path) -> Sums:
    sums = Sums()
    with path.open("wb") as out:
        for stream in streams:
            while block := stream.read(_BLOCK):
                sums.update(block)
                out.write(block)
    return sums


@dataclass(frozen=True, slots=True)
class Copying:
    """A copy: from where, to where, with which attributes."""

    source: tuple[str, str, int | None]
    target: tuple[str, str]
    attributes: dict[str, Any] | None
    check: Check
    source_check: Check


def copying_of(ask: Ask) -> Copying:
    """The copy that a call asks for: attributes are the source's unless the body has some."""
    ask.bucket(ask.path["bucket"])
    ask.bucket(ask.path["destinationBucket"])
    given = without_nulls(attributes_of(ask.body, OBJECT_FIELDS)) if ask.body else None
    if given is not None:
        checked_lists(given, of_object=True)
    return Copying(
        (ask.path["bucket"], ask.path["object"], number(ask.query, "sourceGeneration")),
        (ask.path["destinationBucket"], ask.path["destinationObject"]),
        given,
        check_of(ask.query),
        check_of(ask.query, "ifSource"),
    )


def carry_out(ask: Ask, copying: Copying) -> ObjectInfo:
    """Copy. Raises 404 and 412."""
    store = ask.store
    opened = store.open_version(*copying.source)
    if opened is None:
        raise no_object(*copying.source[:2])
    info, stream = opened
    path = store.scratch()
    with stream:
        copying.source_check(info)
        copying.check(store.find(*copying.target))
        with path.open("wb") as out:
            while block := stream.read(_BLOCK):
                out.write(block)
    attributes = dict(info.attributes if copying.attributes is None else copying.attributes)
    if copying.attributes is None:
        # Lists are not copied.
        attributes.pop("acl", None)
    apply_predefined(ask.query, attributes, ask.project, ("destinationPredefinedAcl", "acl"))
    uri = str(Uri(*copying.target))
    return store.adopt(
        uri, path, attributes, check=copying.check, hashes=info.hashes, components=info.components
    )


async def copy(ask: Ask) -> Reply:
    """``objects.copy``."""
    copying = copying_of(ask)
    return await off_loop(lambda: ask.shown(carry_out(ask, copying)))


async def move(ask: Ask) -> Reply:
    """``objects.move``: give an object another name in its bucket."""
    copying = replace(
        copying_of(replace(ask, path={**ask.path, "destinationBucket": ask.path["bucket"]})), attributes=None
    )

    def work() -> Reply:
        made = carry_out(ask, copying)
        if copying.source[1] != copying.target[1]:
            ask.store.delete(ask.uri)
        return ask.shown(made)

    return await off_loop(work)


async def rewrite(ask: Ask) -> Reply:
    """``objects.rewrite``: at once within a location and storage class, else by the bytes of a call."""
    copying = copying_of(ask)
    most = number(ask.query, "maxBytesRewrittenPerCall")
    if most is not None and (most <= 0 or most % _BLOCK):
        text = "The maximum bytes rewritten per call must be an integral multiple of 1 MiB."
        raise bad_value(text, "maxBytesRewrittenPerCall")

    def work() -> Reply:
        info = ask.store.find(*copying.source)
        if info is None:
            raise no_object(*copying.source[:2])
        copying.source_check(info)
        done = _token_bytes(ask.query.get("rewriteToken", ""), info, copying)
        if most is not None and _spans(ask, info, copying) and done + most < info.size:
            done += most
            token = _token(done, info, copying)
            return Reply(_progress(info.size, done) | {"done": False, "rewriteToken": token})
        made = carry_out(ask, copying)
        resource = object_json(ask.store, made, ask.base)
        return Reply(_progress(made.size, made.size) | {"done": True, "resource": resource})

    return await off_loop(work)


def _progress(size: int, done: int) -> dict[str, Any]:
    return {"kind": "storage#rewriteResponse", "totalBytesRewritten": str(done), "objectSize": str(size)}


def _spans(ask: Ask, info: ObjectInfo, copying: Copying) -> bool:
    """Whether the copy is in another location or storage class, where ``maxBytesRewrittenPerCall`` counts."""
    default = ask.core.settings.location
    here, there = (
        ask.bucket(n).attributes.get("location", default) for n in (info.bucket, copying.target[0])
    )
    given = copying.attributes or {}
    before = info.attributes.get("storageClass", STANDARD)
    return bool(here != there or given.get("storageClass", before) != before)


def _token(done: int, info: ObjectInfo, copying: Copying) -> str:
    known = [done, info.bucket, info.name, info.generation, *copying.target]
    return base64.urlsafe_b64encode(json.dumps(known).encode()).decode()


def _token_bytes(token: str, info: ObjectInfo, copying: Copying) -> int:
    """How much a token says is done; 400 for the token of another rewrite."""
    if not token:
        return 0
    try:
        done, *rest = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        rest = []
    if rest != [info.bucket, info.name, info.generation, *copying.target]:
        raise bad_value("The rewrite token is invalid for this request.", "rewriteToken")
    return int(done)
