"""The ``datasets`` methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_dataset_id
from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.resources import Dataset
from bqsim.errors import BigQueryError, already_exists, invalid, not_found
from bqsim.jobs.locations import canonical_location
from bqsim.sim.iam.attached import default_access
from bqsim.sql.access import dataset_path

from .dataset_json import dataset_from_json, dataset_to_json, dataset_to_list_json
from .lists import label_filter, page
from .preconditions import check_if_match, merge_patch, same_reference, without_nulls
from .reply import Reply, etag_of
from .request import Request

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session


def ref_of(request: Request) -> DatasetRef:
    """The dataset named by the path."""
    return DatasetRef(request.path["projectId"], request.path["datasetId"])


def _reply(request: Request, dataset: Dataset) -> Reply:
    return Reply(dataset_to_json(dataset, request), etag=dataset.etag)


async def get(request: Request) -> Reply:
    """``datasets.get``."""
    ref = ref_of(request)
    hidden = request.core.jobs.hidden_datasets(ref.project) if ref.dataset.startswith("_") else []
    found = next((d for d in hidden if d.ref == ref), None)
    return _reply(request, found or request.core.catalog.dataset(ref))


async def list_(request: Request) -> Reply:
    """``datasets.list``: in the order of ids; hidden datasets with ``all`` only."""
    core, project = request.core, request.path["projectId"]
    matches = label_filter(request.query.get("filter"))
    hidden = core.jobs.hidden_datasets(project) if request.flag("all") else []

    def fetch(after: str, limit: int) -> Sequence[Dataset]:
        found = [d for d in core.catalog.datasets(project, after) if _shown(d, request) and matches(d.labels)]
        found += [d for d in hidden if d.ref.dataset > after and matches(d.labels)]
        shown = request.visible("bigquery.datasets.get", found, lambda d: dataset_path(d.ref))
        return sorted(shown, key=lambda d: d.ref.dataset)[:limit]

    found, token = page(request, fetch, lambda d: d.ref.dataset)
    body: dict[str, Any] = {"kind": "bigquery#datasetList"}
    if token:
        body["nextPageToken"] = token
    if found:
        body["datasets"] = [dataset_to_list_json(d) for d in found]
    body["etag"] = etag_of(body)
    return Reply(body, etag=body["etag"])


def _shown(dataset: Dataset, request: Request) -> bool:
    return not dataset.ref.dataset.startswith("_") or request.flag("all")


async def insert(request: Request) -> Reply:
    """``datasets.insert``."""
    core, body = request.core, without_nulls(request.body)
    project = request.path["projectId"]
    reference = body.get("datasetReference") or {}
    same_reference(reference, {"projectId": project}, "dataset")
    ref = DatasetRef(project, reference.get("datasetId") or "")
    check_dataset_id(ref.dataset)
    location = canonical_location(body["location"]) if body.get("location") else core.settings.location
    now = core.now_ms()
    base = Dataset(ref, location, now, now, core.catalog.new_etag())
    dataset = dataset_from_json(base, body)
    dataset = replace(dataset, metadata={"access": default_access(request.caller.email), **dataset.metadata})

    def work(session: Session) -> None:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            if core.catalog.find_dataset(ref) is not None:
                raise already_exists("Dataset", ref.api_name)
            change.put_dataset(dataset)

    await core.write(work)
    return _reply(request, dataset)


async def patch(request: Request) -> Reply:
    """``datasets.patch``: members of the body replace those of the dataset, null clears."""
    return await _change(request, merge=True)


async def update(request: Request) -> Reply:
    """``datasets.update``: the body replaces everything a client may set."""
    return await _change(request, merge=False)


async def _change(request: Request, *, merge: bool) -> Reply:
    core, ref = request.core, ref_of(request)
    same_reference(request.body.get("datasetReference"), ref.to_json(), "dataset")

    def work(session: Session) -> Dataset:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            before = core.catalog.dataset(ref)
            check_if_match(request, before.etag)
            body = merge_patch(dataset_to_json(before, request) if merge else {}, request.body)
            dataset = replace(
                dataset_from_json(before, body), modified_ms=core.now_ms(), etag=core.catalog.new_etag()
            )
            if "access" not in dataset.metadata and "access" in before.metadata:
                dataset = replace(dataset, metadata={**dataset.metadata, "access": before.metadata["access"]})
            change.put_dataset(dataset)
            return dataset

    return _reply(request, await core.write(work))


async def delete(request: Request) -> Reply:
    """``datasets.delete``: refused while there are tables, unless ``deleteContents``."""
    core, ref = request.core, ref_of(request)
    contents = request.flag("deleteContents")

    def work(session: Session) -> None:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            dataset = core.catalog.dataset(ref)
            check_if_match(request, dataset.etag)
            catalog = core.catalog
            held = (
                catalog.tables(ref, limit=1)
                or catalog.routines(ref, limit=1)
                or catalog.models.of(ref, limit=1)
            )
            if not contents and held:
                raise BigQueryError("resourceInUse", f"Dataset {ref.api_name} is still in use")
            change.drop_dataset(ref)

    await core.write(work)
    return Reply(None, 204)


async def undelete(request: Request) -> Reply:
    """``datasets.undelete``: bring back the one deleted last, at or before ``deletionTime`` when given."""
    core, ref = request.core, ref_of(request)
    until_us = _epoch_us(request.body.get("deletionTime"))

    def work(session: Session) -> Dataset:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            if core.catalog.find_dataset(ref) is not None:
                raise already_exists("Dataset", ref.api_name)
            known = core.catalog.history.dropped(ref)
            found = [d for d in known if until_us is None or d.dropped_us <= until_us]
            if not found:
                raise not_found("Dataset", ref.api_name)
            dropped = found[-1]
            dataset = replace(dropped.dataset, etag=core.catalog.new_etag())
            change.put_dataset(dataset)
            for table in dropped.tables:
                change.put_table(table)
            for routine in dropped.routines:
                change.put_routine(routine)
            return dataset

    return _reply(request, await core.write(work))


def _epoch_us(text: str | None) -> int | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"Invalid value at 'deletion_time' (Timestamp), \"{text[:60]}\"") from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000) + 999
