"""Objects that are deleted softly: found, listed and restored until they are gone for good."""

from __future__ import annotations

from bqsim.objects import ObjectInfo
from bqsim.server.rest.reply import Reply

from .conditions import check_of, number
from .errors import bad_value, no_object, required
from .request import Ask, off_loop

_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


def flag(ask: Ask, name: str) -> bool:
    """A parameter that is true or false; 400 for other text."""
    found = _FLAGS.get(ask.query.get(name, "").lower())
    if found is None:
        raise bad_value(f"Invalid value '{ask.query[name][:40]}'.", name)
    return found


def check_kept(ask: Ask) -> None:
    """400 for a bucket that keeps nothing."""
    if not ask.bucket().soft_delete_s:
        raise bad_value("Soft delete policy is required to list soft-deleted objects.", "softDeleted")


def found(ask: Ask) -> ObjectInfo:
    """The object of the path and of the generation that is asked for. 404."""
    generation = number(ask.query, "generation")
    if generation is None:
        raise required("generation")
    kept = ask.store.soft_deleted.find(ask.path["bucket"], ask.path["object"], generation)
    if kept is None:
        raise no_object(ask.path["bucket"], ask.path["object"])
    return kept


async def restore(ask: Ask) -> Reply:
    """``objects.restore``: a new live object with the content and attributes of a deleted one."""
    bucket = ask.bucket()
    kept = found(ask)
    check = check_of(ask.query)

    def work() -> Reply:
        check(ask.store.find(bucket.name, kept.name))
        path = ask.store.scratch()
        if not ask.store.soft_deleted.copy(kept, path):
            raise no_object(kept.bucket, kept.name)
        made = ask.store.adopt(
            kept.uri, path, kept.attributes, check=check, hashes=kept.hashes, components=kept.components
        )
        return ask.shown(made)

    return await off_loop(work)
