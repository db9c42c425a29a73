"""The options of projects and of the organization (page *Manage configuration settings*)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from bqsim.errors import invalid_query

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class SettingsOption:
    """An option: its SQL type, what it says, its value when nobody sets it, and ``check``, which raises."""

    name: str
    type: str
    description: str
    default: Any = None
    check: Callable[[str, Any], None] = lambda name, value: None


def _between(low: int, high: int, *others: int) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if not low <= value <= high and value not in others:
            raise invalid_query(f"Option {name} must be between {low} and {high}, but was {value}")

    return check


def one_of(*values: str) -> Callable[[str, Any], None]:
    """Refuses other values, without regard to case."""

    def check(name: str, value: Any) -> None:
        if str(value).upper() not in {v.upper() for v in values}:
            raise invalid_query(
                f"Invalid value for option {name}: {value}. Expected one of: {', '.join(values)}"
            )

    return check


def _time_zone(name: str, value: Any) -> None:
    if value not in available_timezones() and not _OFFSET.match(value):
        raise invalid_query(f"Invalid time zone: {value}")


def _hours(name: str, value: Any) -> None:
    if not 48 <= value <= 168 or value % 24:
        raise invalid_query(f"Option {name} must be a multiple of 24 between 48 and 168, but was {value}")


_OFFSET = re.compile(r"(UTC)?[+-]\d{1,2}(:\d{2})?\Z")
_QUEUE = _between(1, 48 * _HOUR_MS, -1)

SETTINGS_OPTIONS: Mapping[str, SettingsOption] = {
    option.name: option
    for option in (
        SettingsOption(
            "default_batch_query_queue_timeout_ms",
            "INT64",
            "Time in milliseconds that batch queries may be queued.",
            24 * _HOUR_MS,
            _QUEUE,
        ),
        SettingsOption(
            "default_cloud_resource_connection_id",
            "STRING",
            "Connection for tables and models that name the default one.",
        ),
        SettingsOption(
            "default_column_name_character_map",
            "STRING",
            "Characters that column names of loaded tables may have.",
            None,
            one_of("STRICT", "V1", "V2"),
        ),
        SettingsOption(
            "default_interactive_query_queue_timeout_ms",
            "INT64",
            "Time in milliseconds that interactive queries may be queued.",
            6 * _HOUR_MS,
            _QUEUE,
        ),
        SettingsOption("default_kms_key_name", "STRING", "Cloud KMS key of new tables."),
        SettingsOption(
            "default_max_time_travel_hours", "INT64", "Time travel window of new datasets.", 168, _hours
        ),
        SettingsOption(
            "default_query_job_timeout_ms",
            "INT64",
            "Time in milliseconds after which query jobs end.",
            6 * _HOUR_MS,
            _between(300_000, 6 * _HOUR_MS),
        ),
        SettingsOption(
            "default_query_optimizer_options",
            "STRING",
            "Whether queries are optimized by their history.",
            "adaptive=on",
            one_of("adaptive=on", "adaptive=off"),
        ),
        SettingsOption(
            "default_sql_dialect_option",
            "STRING",
            "Dialect of queries that name none.",
            "default_legacy_sql",
            one_of("default_legacy_sql", "default_google_sql", "only_google_sql"),
        ),
        SettingsOption(
            "default_storage_billing_model",
            "STRING",
            "Storage billing model of new datasets.",
            "LOGICAL",
            one_of("LOGICAL", "PHYSICAL"),
        ),
        SettingsOption("default_time_zone", "STRING", "Time zone of queries.", "UTC", _time_zone),
        SettingsOption(
            "enable_fine_grained_dataset_acls_option",
            "BOOL",
            "Whether access to datasets is fine-grained.",
            False,
        ),
        SettingsOption(
            "enable_global_queries_data_access", "BOOL", "Whether global queries may read data here.", False
        ),
        SettingsOption(
            "enable_global_queries_execution", "BOOL", "Whether global queries may run here.", False
        ),
        SettingsOption(
            "enable_reservation_based_fairness",
            "BOOL",
            "Whether idle slots are shared by reservations rather than projects.",
            False,
        ),
        SettingsOption(
            "query_runtime", "STRING", "Runtime of queries.", "basic", one_of("basic", "advanced")
        ),
    )
}
