"""The client without ``await``.

    with SyncBigQueryClient(project="my-project") as client:
        result = client.queries.execute("SELECT 1 AS one")

It is the same client, run by an event loop in a thread of its own: every method that is awaited there is
called here, ``async for`` is ``for``, ``async with`` is ``with``. It may be used from many threads at a time.
Callbacks are called in the loop's thread. An interrupted call (KeyboardInterrupt) is cancelled.

Type checkers see ``sync.pyi``, made from the async classes: ``SyncJobs`` and the like are types only.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .blocking import LoopThread, wrap
from .client import BigQueryClient

if TYPE_CHECKING:
    from .config import ClientConfig


class SyncBigQueryClient:
    """:class:`~bqclient.BigQueryClient` without ``await``; it takes the same settings."""

    def __init__(self, config: ClientConfig | None = None, **settings: Any) -> None:
        self._thread = LoopThread()
        try:
            self._client: BigQueryClient = self._thread.run(_made(config, settings))
        except BaseException:
            self._thread.stop()
            raise

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if isinstance(getattr(BigQueryClient, name, None), cached_property):
            # A service is made once, in the loop's thread, whichever threads ask for it first.
            found = wrap(self._thread, self._thread.run(_attribute(self._client, name)))
            self.__dict__[name] = found
            return found
        return wrap(self._thread, getattr(self._client, name))

    def close(self) -> None:
        """Close all connections, and end the thread."""
        if self._thread.closed:
            return
        try:
            self._thread.run(self._client.close())
        finally:
            self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._client) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"Sync{self._client!r}"


async def _made(config: ClientConfig | None, settings: dict[str, Any]) -> BigQueryClient:
    return BigQueryClient(config, **settings)


async def _attribute(client: BigQueryClient, name: str) -> Any:
    return getattr(client, name)
