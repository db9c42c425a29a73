"""``storage.objects`` without their content."""

from __future__ import annotations

from typing import Any

from bqsim.errors import BigQueryError
from bqsim.objects import ObjectInfo
from bqsim.server.rest.reply import Reply

from . import media, soft_deleted
from .changing import Changed, change_object, replaced
from .conditions import check_etags, check_of, number
from .errors import no_object
from .request import Ask, off_loop
from .resources import OBJECT_FIELDS, attributes_of, patched, without_nulls


def found_object(ask: Ask) -> ObjectInfo:
    """The object of the path, of the generation that is asked for. Raises 404."""
    ask.bucket()
    bucket, name = ask.path["bucket"], ask.path["object"]
    generation = number(ask.query, "generation")
    try:
        found = ask.store.find(bucket, name, generation)
    except BigQueryError:
        found = None
    if found is None:
        raise no_object(bucket, name)
    return found


async def get(ask: Ask) -> Reply:
    """The resource of an object, with ``alt=media`` its content."""
    if soft_deleted.flag(ask, "softDeleted"):
        ask.bucket()
        kept = soft_deleted.found(ask)
        return await off_loop(lambda: ask.shown(kept))
    found = found_object(ask)
    check_of(ask.query, reading=True)(found)
    check_etags(ask.headers, found)
    if ask.query.get("alt") == "media":
        return await media.download(ask, found)
    return await off_loop(lambda: ask.shown(found))


async def patch(ask: Ask) -> Reply:
    """Change some attributes."""
    changes = _attributes(ask)
    return await _change(ask, lambda before: patched(before, changes))


async def update(ask: Ask) -> Reply:
    """Replace all attributes."""
    return await _change(ask, replaced(without_nulls(_attributes(ask)), ("storageClass",)))


def _attributes(ask: Ask) -> dict[str, Any]:
    """The attributes of the body and of the predefined list that is asked for."""
    from .acls import apply_predefined, checked_lists

    given = checked_lists(attributes_of(ask.body, OBJECT_FIELDS), of_object=True)
    return apply_predefined(ask.query, given, ask.project, ("predefinedAcl", "acl"))


async def _change(ask: Ask, changed: Changed) -> Reply:
    found_object(ask)
    return await off_loop(lambda: ask.shown(change_object(ask, changed)))


async def delete(ask: Ask) -> Reply:
    """Delete an object, with ``generation`` that version for good."""
    found = found_object(ask)
    check = check_of(ask.query)

    def still(now: ObjectInfo | None) -> None:
        if now is None:
            raise no_object(found.bucket, found.name)
        check(now)

    generation = number(ask.query, "generation")
    await off_loop(lambda: ask.store.delete(ask.uri, check=still, generation=generation))
    return Reply(None, 204)
