"""Datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .attributes import Attribute, integer, moment, read, write
from .references import DatasetReference

# What may be given when a dataset is made or changed.
WRITABLE = (
    Attribute("friendly_name", "friendlyName"),
    Attribute("description", "description"),
    Attribute("labels", "labels", dict, dict),
    Attribute("access", "access", tuple, list),
    integer("default_table_expiration_ms", "defaultTableExpirationMs"),
    integer("default_partition_expiration_ms", "defaultPartitionExpirationMs"),
    integer("max_time_travel_hours", "maxTimeTravelHours"),
    Attribute("default_collation", "defaultCollation"),
    Attribute("default_rounding_mode", "defaultRoundingMode"),
    Attribute("is_case_insensitive", "isCaseInsensitive"),
    Attribute("storage_billing_model", "storageBillingModel"),
)
_READ = (
    *WRITABLE,
    Attribute("location", "location"),
    Attribute("etag", "etag"),
    moment("created", "creationTime"),
    moment("modified", "lastModifiedTime"),
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it was read; ``raw`` is all that the API said."""

    reference: DatasetReference
    location: str | None = None
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    access: tuple[Mapping[str, Any], ...] = ()
    default_table_expiration_ms: int | None = None
    default_partition_expiration_ms: int | None = None
    max_time_travel_hours: int | None = None
    default_collation: str | None = None
    default_rounding_mode: str | None = None
    is_case_insensitive: bool | None = None
    storage_billing_model: str | None = None
    etag: str | None = None
    created: datetime | None = None
    modified: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Dataset:
        """From the API's ``Dataset``."""
        return cls(DatasetReference.from_api(data["datasetReference"]), **read(_READ, data), raw=data)


def dataset_body(given: Mapping[str, Any]) -> dict[str, Any]:
    """The API's form of keywords. Raises UsageError for one that is not known."""
    return write(WRITABLE, given, "A dataset")
