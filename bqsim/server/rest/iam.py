"""IAM policies of tables and routines, which count while a policy is enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.catalog.resources import Routine, Table
from bqsim.errors import BigQueryError
from bqsim.sim.iam.attached import KEY
from bqsim.sim.iam.gate import Member
from bqsim.sql.access import routine_path, table_path

from . import routines, tables
from .reply import Reply, etag_of
from .request import Request

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session


def _ref(request: Request) -> TableRef | RoutineRef:
    return routines.ref_of(request) if "routineId" in request.path else tables.ref_of(request)


def _resource(request: Request, ref: TableRef | RoutineRef) -> Table | Routine:
    catalog = request.core.catalog
    return catalog.routine(ref) if isinstance(ref, RoutineRef) else catalog.table(ref)


def _policy(resource: Table | Routine) -> dict[str, Any]:
    kept: Mapping[str, Any] = resource.body if isinstance(resource, Routine) else resource.metadata
    policy = dict(kept.get(KEY) or {"version": 1})
    policy["etag"] = etag_of(policy)
    return policy


async def get_policy(request: Request) -> Reply:
    """``getIamPolicy``."""
    return Reply(_policy(_resource(request, _ref(request))))


async def set_policy(request: Request) -> Reply:
    """``setIamPolicy``; a policy read earlier must still be the current one."""
    core, ref = request.core, _ref(request)
    policy = request.body.get("policy")
    if not policy:
        raise BigQueryError("required", "Required parameter is missing: policy", location="policy")

    def work(session: Session) -> Table | Routine:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            before = _resource(request, ref)
            if policy.get("etag") not in (None, "", _policy(before)["etag"]):
                raise BigQueryError(
                    "conditionNotMet", "There were concurrent policy changes. Please retry.", http=409
                )
            kept = {KEY: {"version": 1} | {k: v for k, v in policy.items() if k != "etag"}}
            after: Table | Routine
            if isinstance(before, Routine):
                after = replace(before, body={**before.body, **kept})
                change.put_routine(after)
            else:
                after = replace(before, metadata={**before.metadata, **kept})
                change.put_table(after)
            return after

    return Reply(_policy(await core.write(work)))


async def test_permissions(request: Request) -> Reply:
    """``testIamPermissions``: what the caller may do; everything without a policy."""
    ref = _ref(request)
    policy = request.core.iam.policy
    permissions = request.body.get("permissions") or []
    if policy is None:
        _resource(request, ref)
    else:
        path = routine_path(ref) if isinstance(ref, RoutineRef) else table_path(ref)
        caller = Member(request.caller.email, request.caller.groups)
        permissions = policy.test_permissions(caller, permissions, path)
    return Reply({"permissions": permissions} if permissions else {})
