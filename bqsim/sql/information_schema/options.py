"""Views about the options of projects and of the organization."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bqsim.catalog.administration import SETTINGS, Settings
from bqsim.catalog.names import project_number
from bqsim.sql.statements.settings import SETTINGS_OPTIONS, SettingsOption

from .view import REGIONAL, Column, Scope, View, each, whole

_NEEDS = ("bigquery.config.get",)
# The organization's settings have no project.
ORGANIZATION = ""


def _set(scope: Scope, project: str) -> dict[str, Any]:
    """What is set, by name; of several regions the first."""
    values: dict[str, Any] = {}
    for settings in scope.catalog.administration.all(Settings, project, scope.region):
        values = {**settings.values, **values}
    return values


def _options(project: bool) -> Any:
    def find(scope: Scope) -> Sequence[Any]:
        values = _set(scope, scope.project if project else ORGANIZATION)
        found = [
            (option, values[name], None, None) for name, option in SETTINGS_OPTIONS.items() if name in values
        ]
        return scope.only(found, option_name=lambda item: item[0].name)

    return find


def _effective(scope: Scope) -> Sequence[Any]:
    """(option, value, level, id of where it is set)."""
    own, organization = _set(scope, scope.project), _set(scope, ORGANIZATION)
    found: list[tuple[SettingsOption, Any, str, str | None]] = []
    for name, option in SETTINGS_OPTIONS.items():
        if name in own:
            found.append((option, own[name], "PROJECT", scope.project))
        elif name in organization:
            found.append((option, organization[name], "ORGANIZATION", ""))
        else:
            found.append((option, option.default, "DEFAULT", None))
    return scope.only(found, option_name=lambda item: item[0].name)


def _changes(project: bool) -> Any:
    def find(scope: Scope) -> Sequence[Any]:
        found = []
        for change in scope.catalog.administration.changes(SETTINGS):
            settings = change.resource()
            wanted = scope.project if project else ORGANIZATION
            if settings.project == wanted and (scope.region is None or settings.location == scope.region):
                found.append((change, settings))
        return found

    return find


def _updated(item: Any) -> str:
    """The options that a change set: name -> previous and new value."""
    change, settings = item
    before = json.loads(change.before).get("values") or {} if change.before else {}
    names = sorted(before.keys() | settings.values.keys())
    updated = {
        name: {"oldValue": before.get(name), "newValue": settings.values.get(name)}
        for name in names
        if before.get(name) != settings.values.get(name)
    }
    return json.dumps(updated, separators=(",", ":"), ensure_ascii=False)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


_NAME = each("option_name", lambda item: item[0].name)
_DESCRIPTION = each("option_description", lambda item: item[0].description)
_TYPE = each("option_type", lambda item: item[0].type)
_VALUE = each("option_value", lambda item: _text(item[1]))
_PROJECT = (
    whole("project_id", lambda items, scope: [scope.project] * len(items)),
    whole("project_number", lambda items, scope: [project_number(scope.project)] * len(items), "I"),
)


def _change_columns(project: bool) -> tuple[Column, ...]:
    return (
        each("update_time", lambda item: item[0].time_us, "T"),
        each("username", lambda item: item[0].user or None),
        each("updated_options", _updated, "J"),
        each("project_id", lambda item: item[1].project or None),
        each("project_number", lambda item: project_number(item[1].project) if project else None, "I"),
    )


VIEWS: tuple[View, ...] = (
    View(
        "EFFECTIVE_PROJECT_OPTIONS",
        (
            _NAME,
            *_PROJECT,
            _DESCRIPTION,
            _TYPE,
            each("option_set_level", lambda item: item[2]),
            each("option_set_on_id", lambda item: item[3]),
            _VALUE,
        ),
        _effective,
        REGIONAL,
        _NEEDS,
    ),
    View(
        "PROJECT_OPTIONS", (_NAME, *_PROJECT, _DESCRIPTION, _TYPE, _VALUE), _options(True), REGIONAL, _NEEDS
    ),
    View("PROJECT_OPTIONS_CHANGES", _change_columns(True), _changes(True), REGIONAL, _NEEDS),
    View("ORGANIZATION_OPTIONS", (_NAME, _DESCRIPTION, _TYPE, _VALUE), _options(False), REGIONAL, _NEEDS),
    View("ORGANIZATION_OPTIONS_CHANGES", _change_columns(False), _changes(False), REGIONAL, _NEEDS),
)
