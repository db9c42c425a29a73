"""Changes of the attributes of buckets and objects: one mechanism for PATCH, PUT and what is kept beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.objects import Bucket, ObjectInfo

from .conditions import check_metageneration, check_of, number
from .errors import no_object
from .request import Ask

Changed = Callable[[dict[str, Any]], dict[str, Any]]


def replaced(given: dict[str, Any], kept: tuple[str, ...]) -> Changed:
    """What PUT does: all attributes are ``given`` anew, but those that are ``kept`` and those that no
    resource shows."""

    def changed(before: dict[str, Any]) -> dict[str, Any]:
        hidden = {name: value for name, value in before.items() if name in kept or name.startswith("%")}
        return {**given, **hidden}

    return changed


def change_bucket(ask: Ask, changed: Changed) -> Bucket:
    """Give the bucket of the path other attributes. 404, 412."""
    bucket = ask.bucket()
    check_metageneration(ask.query, bucket.metageneration)
    return ask.store.create_bucket(bucket.name, changed(dict(bucket.attributes)))


def change_object(ask: Ask, changed: Changed) -> ObjectInfo:
    """Give the object of the path other attributes, if it is of the generation that is asked for. 404,
    412."""
    bucket, name = ask.bucket().name, ask.path["object"]
    wanted = number(ask.query, "generation")
    check = check_of(ask.query)

    def still(now: ObjectInfo | None) -> None:
        if now is None or (wanted is not None and now.generation != wanted):
            raise no_object(bucket, name)
        check(now)

    found = ask.store.find(bucket, name)
    still(found)
    assert found is not None
    return ask.store.update(ask.uri, changed(dict(found.attributes)), check=still)
