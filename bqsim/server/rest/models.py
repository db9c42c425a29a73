"""The ``models`` methods. No statement makes a model, so datasets have none."""

from __future__ import annotations

from bqsim.errors import not_found

from .datasets import ref_of as dataset_ref_of
from .reply import Reply
from .request import Request


async def list_(request: Request) -> Reply:
    """``models.list``."""
    request.core.catalog.dataset(dataset_ref_of(request))
    return Reply({})


async def missing(request: Request) -> Reply:
    """``models.get``, ``models.patch`` and ``models.delete``."""
    dataset = dataset_ref_of(request)
    request.core.catalog.dataset(dataset)
    raise not_found("Model", f"{dataset.api_name}.{request.path['modelId']}")
