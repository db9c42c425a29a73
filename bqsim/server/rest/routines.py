"""The ``routines`` methods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_routine_id
from bqsim.catalog.refs import RoutineRef
from bqsim.catalog.resources import Routine
from bqsim.errors import invalid

from .datasets import ref_of as dataset_ref_of
from .lists import page
from .preconditions import check_if_match, same_reference, without_nulls
from .reply import Reply
from .request import Request
from .routine_ddl import create_statement

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session

_OUTPUT_ONLY = frozenset({"etag", "routineReference", "creationTime", "lastModifiedTime"})
_LISTED = ("routineType", "language", "description")


def ref_of(request: Request) -> RoutineRef:
    """The routine named by the path."""
    path = request.path
    return RoutineRef(path["projectId"], path["datasetId"], path["routineId"])


def routine_to_json(routine: Routine) -> dict[str, Any]:
    """The ``Routine`` resource."""
    shown = {k: v for k, v in routine.body.items() if not k.startswith("_")}
    return {
        **shown,
        "etag": routine.etag,
        "routineReference": routine.ref.to_json(),
        "creationTime": str(routine.created_ms),
        "lastModifiedTime": str(routine.modified_ms),
    }


async def get(request: Request) -> Reply:
    """``routines.get``."""
    routine = request.core.catalog.routine(ref_of(request))
    return Reply(routine_to_json(routine), etag=routine.etag)


async def list_(request: Request) -> Reply:
    """``routines.list``, in the order of ids, with ``filter=routineType:X``."""
    catalog, dataset = request.core.catalog, dataset_ref_of(request)
    wanted = request.text("filter")
    name, _, value = (wanted or "").partition(":")
    if wanted and (name.strip() != "routineType" or not value.strip()):
        raise invalid(f"Invalid filter: {wanted[:100]}", "filter")

    def fetch(after: str, limit: int) -> list[Routine]:
        if not wanted:
            return catalog.routines(dataset, after, limit)
        found = (r for r in catalog.routines(dataset, after) if r.body.get("routineType") == value.strip())
        return list(found)[:limit]

    found, token = page(request, fetch, lambda r: r.ref.routine)
    body: dict[str, Any] = {}
    if found:
        body["routines"] = [_list_json(r, request.text("readMask")) for r in found]
    if token:
        body["nextPageToken"] = token
    return Reply(body)


def _list_json(routine: Routine, read_mask: str | None) -> dict[str, Any]:
    full = routine_to_json(routine)
    names = {"etag", "routineReference", "creationTime", "lastModifiedTime", *_LISTED}
    names |= {n.strip() for n in (read_mask or "").split(",")}
    return {k: v for k, v in full.items() if k in names}


async def insert(request: Request) -> Reply:
    """``routines.insert``: the CREATE statement that the resource describes is run."""
    body = without_nulls(request.body)
    dataset = dataset_ref_of(request)
    reference = body.get("routineReference") or {}
    same_reference(reference, dataset.to_json(), "routine")
    ref = RoutineRef(dataset.project, dataset.dataset, reference.get("routineId") or "")
    check_routine_id(ref.routine)
    request.core.catalog.dataset(dataset)
    return await _create(request, ref, body, replace_it=False)


async def update(request: Request) -> Reply:
    """``routines.update``: the resource replaces the routine."""
    ref, body = ref_of(request), without_nulls(request.body)
    same_reference(body.get("routineReference"), ref.to_json(), "routine")
    check_if_match(request, request.core.catalog.routine(ref).etag)
    return await _create(request, ref, body, replace_it=True)


async def _create(request: Request, ref: RoutineRef, body: dict[str, Any], *, replace_it: bool) -> Reply:
    core = request.core
    sql = create_statement(ref, body, replace=replace_it)

    def work(session: Session) -> Routine:
        from bqsim.sql.plan import Context

        ctx = Context(
            project=ref.project,
            default_dataset=ref.dataset_ref,
            caller=request.caller.email,
            groups=request.caller.groups,
            location=core.catalog.dataset(ref.dataset_ref).location,
            now_us=core.clock.now_us(),
        )
        before = core.catalog.find_routine(ref)
        hidden = {k: v for k, v in before.body.items() if k.startswith("_")} if before else {}
        core.executor.run(sql, ctx, session)
        # What a statement cannot say is kept as it was given.
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            made = core.catalog.routine(ref)
            given = {k: v for k, v in body.items() if k not in _OUTPUT_ONLY and not k.startswith("_")}
            routine = replace(made, body={**made.body, **given, **hidden})
            change.put_routine(routine)
            return routine

    routine = await core.write(work)
    return Reply(routine_to_json(routine), etag=routine.etag)


async def delete(request: Request) -> Reply:
    """``routines.delete``."""
    core, ref = request.core, ref_of(request)

    def work(session: Session) -> None:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            check_if_match(request, core.catalog.routine(ref).etag)
            change.drop_routine(ref)

    await core.write(work)
    return Reply(None, 204)
