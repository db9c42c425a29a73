"""The one way in: every REST call and every gRPC message passes here, before and after its service.

The gate names each call by its API method id (``bigquery.jobs.insert``) and the resource it is about; what
injects faults, delays, quotas or recordings adds a :class:`Hook`. Without hooks calls pass through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from .clock import Clock
from .draws import Draws

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """One API call at the gate.

    ``method`` is the API method id; ``resource`` the resource path (``projects/p/datasets/d``); ``caller``
    the principal's e-mail; ``body`` the decoded request message (a JSON object or a protobuf message).
    """

    transport: str
    method: str
    resource: str
    caller: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""


class Hook(Protocol):
    """What the simulation adds to calls. Both may raise ``BigQueryError`` in place of the answer."""

    async def before(self, call: Call) -> None: ...

    async def after(self, call: Call, answer: Any) -> Any:
        """Return the answer to send."""
        ...


class Gate:
    def __init__(self, clock: Clock, draws: Draws, hooks: Sequence[Hook] = ()) -> None:
        self.clock = clock
        self.draws = draws
        self.hooks: list[Hook] = list(hooks)

    async def passes(self, call: Call, service: Callable[[], Awaitable[T]]) -> T:
        """Run ``service`` for ``call`` between the hooks, in their order before and reversed after."""
        if not self.hooks:
            return await service()
        for hook in self.hooks:
            await hook.before(call)
        answer: Any = await service()
        for hook in reversed(self.hooks):
            answer = await hook.after(call, answer)
        return answer  # type: ignore[no-any-return]
