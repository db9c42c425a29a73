"""The ``tabledata`` methods."""

from __future__ import annotations

from typing import Any

from bqsim.catalog.refs import TableRef

from .reply import Reply
from .request import Request
from .rows import encode_page, query_options


async def list_(request: Request) -> Reply:
    """``tabledata.list``: rows of a table or of a query's result."""
    options = query_options(request)
    page = await request.core.tabledata.list(
        TableRef(request.path["projectId"], request.path["datasetId"], request.path["tableId"]),
        start_index=request.integer("startIndex"),
        max_results=request.integer("maxResults"),
        page_token=request.text("pageToken"),
        selected_fields=request.text("selectedFields"),
        caller=request.caller.email,
        groups=request.caller.groups,
    )
    body: dict[str, Any] = {
        "kind": "bigquery#tableDataList",
        "etag": page.etag,
        "totalRows": str(page.total_rows),
    }
    if page.next_page_token:
        body["pageToken"] = page.next_page_token
    rows = await encode_page(page, options)
    if rows is not None:
        body["rows"] = rows
    return Reply(body)


async def insert_all(request: Request) -> Reply:
    """``tabledata.insertAll``: stream rows; what was refused is listed row by row."""
    path = request.path
    ref = TableRef(path["projectId"], path["datasetId"], path["tableId"])
    errors = await request.core.tabledata.insert_all(ref, request.body)
    body: dict[str, Any] = {"kind": "bigquery#tableDataInsertAllResponse"}
    if errors:
        body["insertErrors"] = list(errors)
    return Reply(body)
