"""Jobs, limits, the policy and retry tests over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.control.described import value_of
from bqsim.sim.control.jobs import Jobs
from bqsim.sim.iam.load import parse as parse_policy
from bqsim.sim.progression.control import Waiting
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.tree import from_yaml

from .asking import Ask
from .routes import Route

# Jobs


def waiting_json(job: Waiting) -> dict[str, Any]:
    """A job that waits, and for what."""
    reference = {"projectId": job.project, "jobId": job.job_id}
    shown = {
        "why": job.why,
        "sinceMicros": job.since_us,
        "untilMicros": job.until_us,
        "pollsLeft": job.polls_left,
        "rule": job.rule,
    }
    return {
        "jobReference": reference,
        "state": job.state,
        **{name: value for name, value in shown.items() if value is not None},
    }


def _jobs(ask: Ask) -> dict[str, Any]:
    return {"jobs": [waiting_json(job) for job in ask.control.jobs.list()]}


def _moving(act: Callable[[Jobs, Ask, str | None], str]) -> Callable[[Ask], dict[str, Any]]:
    def move(ask: Ask) -> dict[str, Any]:
        try:
            state = act(ask.control.jobs, ask, ask.parameter("project"))
        except LookupError as error:
            raise BigQueryError("notFound", f"Not found: {_said(error)}") from None
        return {"jobId": ask.path["id"], "state": state}

    return move


def _finish(jobs: Jobs, ask: Ask, project: str | None) -> str:
    given = ask.fields(reason=str, message=str)
    return jobs.finish(ask.path["id"], project, reason=given.get("reason"), message=given.get("message"))


def _said(error: LookupError) -> str:
    return str(error.args[0]) if error.args else "there is no such job"


def _plans(ask: Ask) -> dict[str, Any]:
    return {"plans": [to_dict(plan) for plan in ask.control.jobs.plans]}


def _plan(ask: Ask) -> dict[str, Any]:
    jobs = ask.control.jobs
    jobs.plan(ask.text)
    ask.later("plans", jobs.clear)
    return _plans(ask)


def _unplan(ask: Ask) -> dict[str, Any]:
    ask.lasting("plans")
    ask.control.jobs.clear()
    return {}


# Limits


def _limits(ask: Ask) -> dict[str, Any]:
    limits = ask.control.limits
    project = ask.parameter("project") or ask.core.settings.project
    rows = limits.describe(project, ask.parameter("caller") or "")
    return {"profile": limits.profile, "refusals": limits.refusals(), "limits": rows}


def _usage(ask: Ask) -> dict[str, Any]:
    return {"usage": ask.control.limits.usage(ask.parameter("limit") or "*")}


def _use(ask: Ask) -> dict[str, Any]:
    number = (int, float)
    given = ask.fields(
        profile=str, scale=number, values=dict, tenants=dict, only=list, capScale=number, sandboxes=list
    )
    profile = given.pop("profile", "bigquery")
    if "capScale" in given:
        given["cap_scale"] = given.pop("capScale")
    limits = ask.control.limits
    limits.use(profile, **given)
    ask.later("limits", limits.off)
    return {"profile": limits.profile}


def _off(ask: Ask) -> dict[str, Any]:
    ask.lasting("limits")
    ask.control.limits.off()
    return {}


def _forget(ask: Ask) -> dict[str, Any]:
    ask.control.limits.reset()
    return {}


# Who may do what


def _policy(ask: Ask) -> dict[str, Any]:
    policy = ask.control.iam.policy
    if policy is None:
        return {"enforced": False}
    return {
        "enforced": True,
        "bindings": [_members(binding) for binding in policy.bindings],
        "deny": [_members(rule) for rule in policy.deny_rules],
    }


def _members(record: Any) -> dict[str, Any]:
    found = {one.name: getattr(record, one.name) for one in fields(record)}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return {name: value for name, value in plain.items() if value not in (None, [], "")}


def _enforce(ask: Ask) -> dict[str, Any]:
    iam = ask.control.iam
    before = iam.policy
    iam.policy = parse_policy(ask.text, "body")

    def restore() -> None:
        iam.policy = before

    ask.later("iam", restore)
    return _policy(ask)


def _enforce_nothing(ask: Ask) -> dict[str, Any]:
    ask.lasting("iam")
    ask.control.iam.clear()
    return {}


_DURATION = (str, int, float)


def _grant(ask: Ask) -> dict[str, Any]:
    given = _binding(ask, role=str)
    ask.control.iam.grant(**given)
    return _policy(ask)


def _revoke(ask: Ask) -> dict[str, Any]:
    ask.control.iam.revoke(**_binding(ask, role=str))
    return _policy(ask)


def _deny(ask: Ask) -> dict[str, Any]:
    given = _binding(ask, permissions=(str, list), lasts=_DURATION)
    if "lasts" not in given and ask.ttl_s is not None:
        given["lasts"] = ask.ttl_s
    ask.control.iam.deny(**given)
    return _policy(ask)


def _binding(ask: Ask, **kinds: Any) -> dict[str, Any]:
    kinds = {"member": str, "resource": str, "after": _DURATION, **kinds}
    for name in ("member", *(["permissions"] if "permissions" in kinds else [])):
        ask.needed(name, **kinds)
    return ask.fields(**kinds)


# Retry tests


def _tests(ask: Ask) -> dict[str, Any]:
    return {"retryTests": [test.to_json() for test in ask.control.retry_tests.list()]}


def _create_test(ask: Ask) -> dict[str, Any]:
    given = value_of(from_yaml(ask.text, "body"))
    if not isinstance(given, dict) or not isinstance(given.get("instructions"), dict):
        raise invalid("The body must be {instructions: {method: [instruction, …]}, match, id}.")
    wrong = set(given) - {"instructions", "match", "id"}
    if wrong:
        raise invalid(f"Unknown field {sorted(wrong)[0]}; there are instructions, match and id.")
    tests = ask.control.retry_tests
    test = tests.create(given["instructions"], id=given.get("id"), match=given.get("match"))
    return test.to_json()


def _test(ask: Ask) -> dict[str, Any]:
    return ask.control.retry_tests.get(ask.path["id"]).to_json()


def _delete_test(ask: Ask) -> dict[str, Any]:
    return ask.control.retry_tests.delete(ask.path["id"]).to_json()


ROUTES = (
    Route("GET", "jobs", _jobs, "The jobs that wait, and for what."),
    Route("POST", "jobs/{id}/step", _moving(lambda j, a, p: j.step(a.path["id"], p)),
          "Let a job go on from what it waits for; ?project= where several have the id."),
    Route("POST", "jobs/{id}/release", _moving(lambda j, a, p: j.release(a.path["id"], p)),
          "End all that keeps a job in its state."),
    Route("POST", "jobs/{id}/hold", _moving(lambda j, a, p: j.hold(a.path["id"], p)),
          "Keep a job from its next move until it is released."),
    Route("POST", "jobs/{id}/finish", _moving(_finish),
          "Let a job wait for nothing any more, or fail: {reason, message}."),
    Route("GET", "plans", _plans, "The plans by which jobs go on."),
    Route("POST", "plans", _plan, "Put a plan for jobs before the others; ?ttl=5m ends the plans."),
    Route("DELETE", "plans", _unplan, "Let jobs go on as fast as their work does."),
    Route("GET", "limits", _limits, "The quotas and limits in force, with their amounts and refusals."),
    Route("PUT", "limits", _use, "Enforce limits: {profile, scale, values, tenants, only}; ?ttl=5m ends it."),
    Route("DELETE", "limits", _off, "Enforce no limits."),
    Route("GET", "limits/usage", _usage, "What is used of the limits; ?limit=glob."),
    Route("DELETE", "limits/usage", _forget, "Forget what is used."),
    Route("GET", "iam", _policy, "The policy that is enforced."),
    Route("PUT", "iam", _enforce, "Enforce a policy file's content; ?ttl=5m ends that."),
    Route("DELETE", "iam", _enforce_nothing, "Let everybody do everything."),
    Route("POST", "iam/grant", _grant, "Give a role: {member, role, resource, after}."),
    Route("POST", "iam/revoke", _revoke, "Take a role away: {member, role, resource, after}."),
    Route("POST", "iam/deny", _deny, "Deny permissions: {member, permissions, resource, after, lasts}."),
    Route("GET", "retry-tests", _tests, "The retry tests, with the instructions that are left."),
    Route("POST", "retry-tests", _create_test, "Begin a retry test: {instructions: {method: [backendError]}, "
          "match, id}."),
    Route("GET", "retry-tests/{id}", _test, "One retry test."),
    Route("DELETE", "retry-tests/{id}", _delete_test, "End a retry test."),
)  # fmt: skip
