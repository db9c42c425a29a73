"""The ``rowAccessPolicies`` methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import RowAccessPolicy, Table
from bqsim.errors import BigQueryError, already_exists, invalid
from bqsim.sim.iam.gate import Member
from bqsim.sql.access import table_path
from bqsim.sql.plan import Context

from .lists import decode_token, encode_token
from .preconditions import check_if_match, same_reference
from .reply import Reply, etag_of
from .request import Request
from .tables import ref_of

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session

# The role that being a grantee of a policy stands for (page *Use row-level security*).
FILTERED_VIEWER = "roles/bigquery.filteredDataViewer"
DEFAULT_PAGE = 100


def policy_to_json(table: Table, policy: RowAccessPolicy) -> dict[str, Any]:
    """The ``RowAccessPolicy`` resource; its grantees are shown by ``getIamPolicy`` only."""
    return {
        "etag": policy.etag,
        "rowAccessPolicyReference": {**table.ref.to_json(), "policyId": policy.policy_id},
        "filterPredicate": policy.filter_predicate,
        "creationTime": _timestamp(policy.created_ms),
        "lastModifiedTime": _timestamp(policy.modified_ms),
    }


def _timestamp(ms: int) -> str:
    from datetime import UTC, datetime

    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


async def list_(request: Request) -> Reply:
    """``rowAccessPolicies.list``, in the order of ids."""
    table = request.core.catalog.table(ref_of(request))
    after = decode_token(request.query.get("pageToken"))
    limit = request.integer("pageSize") or DEFAULT_PAGE
    rest = [p for p in _sorted(table) if p.policy_id > after]
    body: dict[str, Any] = {}
    if rest:
        body["rowAccessPolicies"] = [policy_to_json(table, p) for p in rest[:limit]]
    if len(rest) > limit:
        body["nextPageToken"] = encode_token(rest[limit - 1].policy_id)
    return Reply(body)


def _sorted(table: Table) -> list[RowAccessPolicy]:
    return sorted(table.row_access_policies, key=lambda p: p.policy_id)


async def get(request: Request) -> Reply:
    """``rowAccessPolicies.get``."""
    table, policy = _named(request)
    return Reply(policy_to_json(table, policy), etag=policy.etag)


def _named(request: Request) -> tuple[Table, RowAccessPolicy]:
    from bqsim.sql.statements.row_access import policy_of

    table = request.core.catalog.table(ref_of(request))
    return table, policy_of(table, request.path["policyId"])


async def insert(request: Request) -> Reply:
    """``rowAccessPolicies.insert``."""
    reference = request.body.get("rowAccessPolicyReference") or {}
    same_reference(reference, ref_of(request).to_json(), "row access policy")
    return await _put(request, str(reference.get("policyId") or ""), replaces=False)


async def update(request: Request) -> Reply:
    """``rowAccessPolicies.update``: the body replaces the policy."""
    reference = request.body.get("rowAccessPolicyReference") or {}
    path = {**ref_of(request).to_json(), "policyId": request.path["policyId"]}
    same_reference(reference, path, "row access policy")
    return await _put(request, request.path["policyId"], replaces=True)


async def _put(request: Request, policy_id: str, *, replaces: bool) -> Reply:
    from bqsim.sql.statements import row_access

    core, ref, body = request.core, ref_of(request), request.body
    predicate, grantees = body.get("filterPredicate"), body.get("grantees")
    if not predicate:
        raise _required("filterPredicate")
    row_access.check_policy_id(policy_id)

    def work(session: Session) -> tuple[Table, RowAccessPolicy]:
        table = core.catalog.table(ref)
        if replaces:
            check_if_match(request, row_access.policy_of(table, policy_id).etag)
        elif row_access.find_policy(table, policy_id) is not None:
            raise already_exists("Row access policy", row_access.PolicyRef(ref, policy_id).api_name)
        ctx = Context(ref.project, ref.dataset_ref, caller=request.caller.email, groups=request.caller.groups)
        text = row_access.checked_predicate(core.googlesql, table, predicate, ctx)
        with row_access.changing(core.catalog, session, ref) as (change, now):
            before = row_access.find_policy(now, policy_id)
            given = row_access.checked_grantees(grantees or ())
            if before is not None and grantees is None:
                given = before.grantees
            policy = row_access.new_policy(core.catalog, policy_id, text, given, ctx, before)
            now = row_access.with_policy(now, policy)
            row_access.put(core.catalog, change, now)
            return now, policy

    table, policy = await core.write(work)
    return Reply(policy_to_json(table, policy), etag=policy.etag)


def _required(name: str) -> BigQueryError:
    return BigQueryError("required", f"Required parameter is missing: {name}", location=name)


async def delete(request: Request) -> Reply:
    """``rowAccessPolicies.delete``; the last policy of a table goes with ``force`` only."""
    await _delete(request, [request.path["policyId"]], request.flag("force"))
    return Reply(None, status=204)


async def batch_delete(request: Request) -> Reply:
    """``rowAccessPolicies.batchDelete``: all of the policies named, or none of them."""
    given = request.body.get("policyIds")
    if not isinstance(given, Sequence) or not given:
        raise _required("policyIds")
    await _delete(request, [str(i) for i in given], bool(request.body.get("force")))
    return Reply(None, status=204)


async def _delete(request: Request, policy_ids: Sequence[str], force: bool) -> None:
    from bqsim.sql.statements import row_access

    core, ref = request.core, ref_of(request)

    def work(session: Session) -> None:
        with row_access.changing(core.catalog, session, ref) as (change, table):
            gone = [row_access.policy_of(table, i) for i in dict.fromkeys(policy_ids)]
            if len(gone) == len(table.row_access_policies) and not force:
                raise invalid(
                    f"Cannot delete the last row access policy on table {ref.api_name} without force: it"
                    " would widen access to the table."
                )
            row_access.put(core.catalog, change, row_access.without_policies(table, gone))

    await core.write(work)


# IAM


async def get_policy(request: Request) -> Reply:
    """``rowAccessPolicies.getIamPolicy``: the grantees."""
    _, policy = _named(request)
    body: dict[str, Any] = {"version": 1}
    if policy.grantees:
        body["bindings"] = [{"role": FILTERED_VIEWER, "members": list(policy.grantees)}]
    body["etag"] = etag_of(body)
    return Reply(body)


async def test_permissions(request: Request) -> Reply:
    """``rowAccessPolicies.testIamPermissions``: what the caller may do; everything without a policy."""
    table, _ = _named(request)
    policy = request.core.iam.policy
    wanted: Sequence[str] = request.body.get("permissions") or []
    caller = Member(request.caller.email, request.caller.groups)
    if policy is not None:
        wanted = policy.test_permissions(caller, wanted, table_path(table.ref))
    return Reply(_permissions(wanted))


def _permissions(found: Sequence[str]) -> Mapping[str, Any]:
    return {"permissions": list(found)} if found else {}
