"""The ``models`` methods: models are made by statements, and shown, changed and deleted here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.models import Model, ModelRef
from bqsim.errors import invalid

from .datasets import ref_of as dataset_ref_of
from .lists import page
from .preconditions import check_if_match, merge_patch, same_reference
from .reply import Reply
from .request import Request

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session

# What models.patch may change; the rest of a body is ignored, as it is output only.
_CHANGEABLE = ("description", "friendlyName", "labels", "encryptionConfiguration")
_LISTED = frozenset({"modelType", "labels"})


def ref_of(request: Request) -> ModelRef:
    """The model named by the path."""
    path = request.path
    return ModelRef(path["projectId"], path["datasetId"], path["modelId"])


def model_to_json(model: Model) -> dict[str, Any]:
    """The ``Model`` resource."""
    shown = {
        **model.body,
        "etag": model.etag,
        "modelReference": model.ref.to_json(),
        "creationTime": str(model.created_ms),
        "lastModifiedTime": str(model.modified_ms),
        "location": model.location,
    }
    if model.expiration_ms is not None:
        shown["expirationTime"] = str(model.expiration_ms)
    return shown


async def get(request: Request) -> Reply:
    """``models.get``."""
    request.core.catalog.dataset(dataset_ref_of(request))
    model = request.core.catalog.models.model(ref_of(request))
    return Reply(model_to_json(model), etag=model.etag)


async def list_(request: Request) -> Reply:
    """``models.list``, in the order of ids."""
    catalog, dataset = request.core.catalog, dataset_ref_of(request)
    catalog.dataset(dataset)
    found, token = page(
        request, lambda after, limit: catalog.models.of(dataset, after, limit), lambda m: m.ref.model
    )
    body: dict[str, Any] = {}
    if found:
        body["models"] = [_list_json(model) for model in found]
    if token:
        body["nextPageToken"] = token
    return Reply(body)


def _list_json(model: Model) -> dict[str, Any]:
    kept = {"modelReference", "creationTime", "lastModifiedTime", *_LISTED}
    return {k: v for k, v in model_to_json(model).items() if k in kept}


async def patch(request: Request) -> Reply:
    """``models.patch``."""
    core, ref, body = request.core, ref_of(request), request.body
    core.catalog.dataset(ref.dataset_ref)
    same_reference(body.get("modelReference"), ref.to_json(), "model")
    expiration = _expiration(body)

    def work(session: Session) -> Model:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            model = core.catalog.models.model(ref)
            check_if_match(request, model.etag)
            given = {name: body[name] for name in _CHANGEABLE if name in body}
            changed = replace(
                model,
                body=merge_patch(model.body, given),
                expiration_ms=expiration if "expirationTime" in body else model.expiration_ms,
                modified_ms=change.time_us // 1000,
                etag=core.catalog.new_etag(),
            )
            change.put_model(changed)
            return changed

    model = await core.write(work)
    return Reply(model_to_json(model), etag=model.etag)


def _expiration(body: dict[str, Any]) -> int | None:
    value = body.get("expirationTime")
    if value in (None, "", "0", 0):
        return None
    try:
        return int(str(value))
    except ValueError:
        raise invalid(f"Invalid value for expirationTime: {value}") from None


async def delete(request: Request) -> Reply:
    """``models.delete``."""
    core, ref = request.core, ref_of(request)
    core.catalog.dataset(ref.dataset_ref)

    def work(session: Session) -> None:
        with core.catalog.lock(ref), core.catalog.change(session) as change:
            check_if_match(request, core.catalog.models.model(ref).etag)
            change.drop_model(ref)

    await core.write(work)
    return Reply(None, 204)
