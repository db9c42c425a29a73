"""The ``rowAccessPolicies`` methods that hold for tables without policies; making one is not implemented."""

from __future__ import annotations

from bqsim.errors import not_found

from .reply import Reply
from .request import Request
from .tables import ref_of


async def list_(request: Request) -> Reply:
    """``rowAccessPolicies.list``."""
    request.core.catalog.table(ref_of(request))
    return Reply({})


async def missing(request: Request) -> Reply:
    """``rowAccessPolicies.get`` and ``rowAccessPolicies.delete``."""
    table = ref_of(request)
    request.core.catalog.table(table)
    raise not_found("Row access policy", f"{request.path['policyId']} on table {table.api_name}")
