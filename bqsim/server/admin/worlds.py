"""Snapshots and scopes over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import BigQueryError, invalid, not_found

from .asking import Ask
from .listening import Ports
from .routes import Route


def _snapshots(ask: Ask) -> dict[str, Any]:
    found = ask.core.worlds.list()
    return {"snapshots": [{"id": one.id, "createdMicros": one.created_us} for one in found]}


def _snapshot(ask: Ask) -> dict[str, Any]:
    return {"id": ask.control.worlds.snapshot(ask.fields(name=str).get("name"))}


def _delete(ask: Ask) -> dict[str, Any]:
    ask.control.worlds.delete(ask.path["id"])
    return {}


def _restore(ask: Ask) -> dict[str, Any]:
    return {"id": ask.path["id"], "changed": ask.control.worlds.restore(ask.path["id"])}


def _fork(ask: Ask) -> dict[str, Any]:
    project = ask.fields(project=str, into=str).get("project", ask.core.settings.project)
    into = ask.needed("into", project=str, into=str)
    return {"project": project, "into": into, "tables": ask.control.worlds.fork(project, into)}


def _scopes(ask: Ask) -> dict[str, Any]:
    listening = {ports.scope: ports for ports in ask.listeners.list()}
    simulation = ask.core.simulation
    named = {scope for rule in simulation.rules.rules for scope in rule.match.scope}
    names = sorted({*listening, *named, *filter(None, ask.core.parts.views)})
    return {"scopes": [{"name": name, **_ports(listening.get(name))} for name in names]}


def _ports(ports: Ports | None) -> dict[str, int]:
    return {} if ports is None else {"port": ports.port, "grpcPort": ports.grpc_port}


def _open(ask: Ask) -> dict[str, Any]:
    name = ask.needed("name", name=str, port=int, grpcPort=int)
    given = ask.fields(name=str, port=int, grpcPort=int)
    try:
        ports = ask.core.parts.run(ask.listeners.open(name, given.get("port", 0), given.get("grpcPort", 0)))
    except (OSError, OverflowError) as error:
        raise invalid(f"Cannot listen: {error}", "port") from None
    return {"name": name, **_ports(ports)}


def _close(ask: Ask) -> dict[str, Any]:
    name = ask.path["name"]
    known = any(ports.scope == name for ports in ask.listeners.list())
    scope = ask.control.scope(name)
    if not known and not len(scope.faults) and name not in ask.core.parts.views:
        raise not_found("Scope", name)
    if known:
        if ask.scope == name:
            raise BigQueryError("invalid", "A port cannot close itself: ask another one.")
        ask.core.parts.run(ask.listeners.close(name))
    scope.clear()
    ask.core.parts.forget(name)
    return {}


ROUTES = (
    Route("GET", "snapshots", _snapshots, "The snapshots of the world."),
    Route("POST", "snapshots", _snapshot, "Take a snapshot of data, jobs and rules: {name}."),
    Route("DELETE", "snapshots/{id}", _delete, "Forget a snapshot."),
    Route("POST", "snapshots/{id}/restore", _restore, "Make the world that of a snapshot."),
    Route("POST", "fork", _fork, "Copy a project under another id: {project, into}."),
    Route("GET", "scopes", _scopes, "The scopes, with the ports of those that have some."),
    Route("POST", "scopes", _open, "Open ports for a scope: {name, port, grpcPort}."),
    Route("DELETE", "scopes/{name}", _close, "Close a scope's ports, and forget its rules."),
)
