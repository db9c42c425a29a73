"""What answers the methods of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from . import datasets, iam, jobs, models, projects, routines, row_access_policies, tabledata, tables
from .methods import METHODS
from .reply import Reply
from .request import Request

Handler = Callable[[Request], Awaitable[Reply]]

_MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (datasets, iam, jobs, models, projects, routines, row_access_policies, tabledata, tables)
}


def _named(name: str) -> Handler:
    module, _, function = name.partition(".")
    found: Handler = getattr(_MODULES[module], function)
    return found


# By method id; methods that are not here are not served.
HANDLERS: Mapping[str, Handler] = {method.id: _named(method.handler) for method in METHODS if method.handler}
