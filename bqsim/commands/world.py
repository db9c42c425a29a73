"""``bqsim world snapshot|restore|list|delete|fork|reset``: the state of a running simulator."""

from __future__ import annotations

import argparse

from .remote import Server, add_action, add_actions, run_action, segment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``world``."""
    actions = add_actions(parser)
    snapshot = add_action(actions, "snapshot", _snapshot, "Remember data, jobs and rules as they are.")
    snapshot.add_argument("name", nargs="?", help="its name; a fresh one without it")
    restore = add_action(actions, "restore", _restore, "Go back to a snapshot.")
    restore.add_argument("name")
    delete = add_action(actions, "delete", _delete, "Forget a snapshot.")
    delete.add_argument("name")
    add_action(actions, "list", _list, "Show the snapshots.")
    fork = add_action(actions, "fork", _fork, "Copy a project under another id.")
    fork.add_argument("project")
    fork.add_argument("into")
    add_action(actions, "reset", _reset, "Forget rules, latencies, limits and journal; data and jobs stay.")


run = run_action


def _snapshot(server: Server, given: argparse.Namespace) -> int:
    body = {} if given.name is None else {"name": given.name}
    print(server.call("POST", "snapshots", body)["id"])
    return 0


def _restore(server: Server, given: argparse.Namespace) -> int:
    changed = server.call("POST", f"snapshots/{segment(given.name)}/restore")["changed"]
    print(f"restored {given.name}: {changed} resource{'' if changed == 1 else 's'} had changed")
    return 0


def _delete(server: Server, given: argparse.Namespace) -> int:
    server.call("DELETE", f"snapshots/{segment(given.name)}")
    return 0


def _list(server: Server, given: argparse.Namespace) -> int:
    for one in server.call("GET", "snapshots")["snapshots"]:
        print(one["id"])
    return 0


def _fork(server: Server, given: argparse.Namespace) -> int:
    tables = server.call("POST", "fork", {"project": given.project, "into": given.into})["tables"]
    print(f"copied {tables} table{'' if tables == 1 else 's'} of {given.project} into {given.into}")
    return 0


def _reset(server: Server, given: argparse.Namespace) -> int:
    server.call("POST", "reset")
    return 0
