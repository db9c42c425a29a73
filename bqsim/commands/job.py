"""``bqsim job list|step|release|hold|finish``: jobs of a running simulator that wait."""

from __future__ import annotations

import argparse

from .remote import Act, Server, add_action, add_actions, run_action, segment, table

# Action -> what it does.
MOVES = {
    "step": "Let a job go on from what it waits for.",
    "release": "End all that keeps a job in its state.",
    "hold": "Keep a job from its next move until it is released.",
    "finish": "Let a job wait for nothing any more, or fail.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``job``."""
    actions = add_actions(parser)
    add_action(actions, "list", _list, "Show the jobs that wait, and for what.")
    for name, help in MOVES.items():
        move = add_action(actions, name, _moving(name), help)
        move.add_argument("id", metavar="JOB")
        move.add_argument("--project", help="where several projects have a job of that id")
        if name == "finish":
            move.add_argument("--reason", help="fail for this reason instead of doing its work")
            move.add_argument("--message", help="what the failure says")


run = run_action


def _list(server: Server, given: argparse.Namespace) -> int:
    jobs = server.call("GET", "jobs")["jobs"]
    if not jobs:
        print("no job waits")
        return 0
    rows = [
        (f"{j['jobReference']['projectId']}:{j['jobReference']['jobId']}", j["state"], j["why"]) for j in jobs
    ]
    table(rows, ("JOB", "STATE", "WAITS"))
    return 0


def _moving(name: str) -> Act:
    def move(server: Server, given: argparse.Namespace) -> int:
        told = {key: getattr(given, key, None) for key in ("reason", "message")}
        body = {key: value for key, value in told.items() if value is not None}
        answer = server.call("POST", f"jobs/{segment(given.id)}/{name}", body, project=given.project)
        print(f"{answer['jobId']} is {answer['state']}")
        return 0

    return move
