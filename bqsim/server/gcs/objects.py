"""``storage.objects`` without their content."""

from __future__ import annotations

from bqsim.errors import BigQueryError
from bqsim.objects import ObjectInfo
from bqsim.server.rest.reply import Reply

from . import media
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
    found = found_object(ask)
    check_of(ask.query, reading=True)(found)
    check_etags(ask.headers, found)
    if ask.query.get("alt") == "media":
        return await media.download(ask, found)
    return await off_loop(lambda: ask.shown(found))


async def patch(ask: Ask) -> Reply:
    """Change some attributes."""
    changes = attributes_of(ask.body, OBJECT_FIELDS)
    return await _change(ask, lambda before: patched(before, changes))


async def update(ask: Ask) -> Reply:
    """Replace all attributes."""
    given = without_nulls(attributes_of(ask.body, OBJECT_FIELDS))

    def changed(before: dict[str, object]) -> dict[str, object]:
        return given | {name: before[name] for name in ("storageClass",) if name in before}

    return await _change(ask, changed)


async def _change(ask: Ask, changed: object) -> Reply:
    assert callable(changed)
    found = found_object(ask)
    wanted = number(ask.query, "generation")
    check = check_of(ask.query)

    def work() -> Reply:
        def still(now: ObjectInfo | None) -> None:
            if now is None or (wanted is not None and now.generation != wanted):
                raise no_object(found.bucket, found.name)
            check(now)

        still(ask.store.find(found.bucket, found.name))
        attributes = changed(dict(found.attributes))
        return ask.shown(ask.store.update(ask.uri, attributes, check=still))

    return await off_loop(work)


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
