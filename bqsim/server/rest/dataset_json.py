"""Datasets as the API's JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bqsim.catalog.resources import Dataset
from bqsim.errors import invalid
from bqsim.jobs.config import check_labels
from bqsim.sim.iam.attached import default_access

from .request import Request

# API name -> attribute, for what is stored under a name of its own.
_TEXTS = {
    "friendlyName": "friendly_name",
    "description": "description",
    "defaultCollation": "default_collation",
}
_MILLISECONDS = {
    "defaultTableExpirationMs": "default_table_expiration_ms",
    "defaultPartitionExpirationMs": "default_partition_expiration_ms",
}
# What a client cannot set.
_OUTPUT_ONLY = frozenset(
    "kind etag id selfLink datasetReference creationTime lastModifiedTime location type".split()  # noqa: SIM905
)
# BigQuery page "Datasets": tables live at least an hour.
_MIN_EXPIRATION_MS = 3_600_000


def dataset_from_json(base: Dataset, body: Mapping[str, Any]) -> Dataset:
    """``base`` with everything a client may set taken from ``body``; what the body leaves out is cleared."""
    check_labels(body.get("labels"))
    known = {*_TEXTS, *_MILLISECONDS, *_OUTPUT_ONLY, "labels"}
    changes: dict[str, Any] = {attribute: body.get(name) for name, attribute in _TEXTS.items()}
    changes |= {attribute: _expiration(body, name) for name, attribute in _MILLISECONDS.items()}
    changes["labels"] = dict(body.get("labels") or {})
    changes["metadata"] = {k: v for k, v in body.items() if k not in known}
    return replace(base, **changes)


def _expiration(body: Mapping[str, Any], name: str) -> int | None:
    given = body.get(name)
    if given is None:
        return None
    value = int(given)
    if (name == "defaultTableExpirationMs" and 0 < value < _MIN_EXPIRATION_MS) or value < 0:
        raise invalid(
            f"Invalid value for {name}: {value}. The minimum value is {_MIN_EXPIRATION_MS} milliseconds."
        )
    return value or None


def dataset_to_json(dataset: Dataset, request: Request) -> dict[str, Any]:
    """The ``Dataset`` resource."""
    ref = dataset.ref
    out: dict[str, Any] = {
        "kind": "bigquery#dataset",
        "etag": dataset.etag,
        "id": ref.api_name,
        "selfLink": request.link(f"projects/{ref.project}/datasets/{ref.dataset}"),
        "datasetReference": ref.to_json(),
    }
    for name, attribute in _TEXTS.items():
        if getattr(dataset, attribute) is not None:
            out[name] = getattr(dataset, attribute)
    for name, attribute in _MILLISECONDS.items():
        if getattr(dataset, attribute) is not None:
            out[name] = str(getattr(dataset, attribute))
    if dataset.labels:
        out["labels"] = dict(dataset.labels)
    out.update(dataset.metadata)
    out.setdefault("access", default_access(request.core.settings.caller))
    out["creationTime"] = str(dataset.created_ms)
    out["lastModifiedTime"] = str(dataset.modified_ms)
    out["location"] = dataset.location
    out["type"] = "DEFAULT"
    return out


def dataset_to_list_json(dataset: Dataset) -> dict[str, Any]:
    """The dataset as ``datasets.list`` shows it."""
    out: dict[str, Any] = {
        "kind": "bigquery#dataset",
        "id": dataset.ref.api_name,
        "datasetReference": dataset.ref.to_json(),
        "location": dataset.location,
    }
    if dataset.friendly_name is not None:
        out["friendlyName"] = dataset.friendly_name
    if dataset.labels:
        out["labels"] = dict(dataset.labels)
    return out
