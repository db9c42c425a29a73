"""The client without ``await``.

    with SyncBigQueryClient(project="my-project") as client:
        result = client.queries.execute("SELECT 1 AS one")

It is the same client, run by an event loop in a thread of its own: every method that is awaited there is
called here, ``async for`` is ``for``, ``async with`` is ``with``. It may be used from many threads at a time.
Callbacks are called in the loop's thread.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .client import BigQueryClient
from .errors import UsageError

if TYPE_CHECKING:
    from .config import ClientConfig


class _Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bqclient", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What ``work`` gives. When the waiting thread is interrupted, the work is cancelled."""
        if threading.current_thread() is self._thread:
            work.close()
            raise UsageError("A callback of the client cannot call the client again and wait for it.")
        if self._loop.is_closed():
            work.close()
            raise UsageError("The client is closed.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread; what still runs is cancelled first."""
        if self._loop.is_closed():
            return
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class SyncBigQueryClient:
    """:class:`~bqclient.BigQueryClient` without ``await``; it takes the same settings."""

    def __init__(self, config: ClientConfig | None = None, **settings: Any) -> None:
        self._loop = _Loop()
        try:
            self._client: BigQueryClient = self._loop.run(_made(config, settings))
        except BaseException:
            self._loop.stop()
            raise

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return wrap(self._loop, getattr(self._client, name))

    def close(self) -> None:
        """Close all connections, and end the thread."""
        if not self._loop._loop.is_closed():
            self._loop.run(self._client.close())
            self._loop.stop()

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


class Proxy:
    """Something of the client with methods that are awaited there."""

    def __init__(self, loop: _Loop, value: Any) -> None:
        self._loop, self._value = loop, value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return wrap(self._loop, getattr(self._value, name))

    def __iter__(self) -> Iterator[Any]:
        if not hasattr(self._value, "__aiter__"):
            yield from self._value
            return
        items = self._value.__aiter__()
        try:
            while True:
                try:
                    yield wrap(self._loop, self._loop.run(_next(items)))
                except StopAsyncIteration:
                    return
        finally:
            if hasattr(items, "aclose"):
                self._loop.run(items.aclose())

    def __enter__(self) -> Any:
        return wrap(self._loop, self._loop.run(self._value.__aenter__()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self._loop.run(self._value.__aexit__(kind, error, trace))

    def __len__(self) -> int:
        return len(self._value)

    def __dir__(self) -> list[str]:
        return dir(self._value)

    def __repr__(self) -> str:
        return repr(self._value)


async def _next(items: Any) -> Any:
    return await items.__anext__()


def wrap(loop: _Loop, value: Any) -> Any:
    """A value as callers without ``await`` may use it."""
    if inspect.isroutine(value):
        return _function(loop, value)
    kind: Any = type(value)
    if isinstance(value, type) or not _waits(kind):
        return value
    return Proxy(loop, value)


def _function(loop: _Loop, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        return wrap(loop, loop.run(_call(function, args, options)))

    return called


async def _call(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call in the loop's thread: what is made there belongs to the loop."""
    found = function(*map(_bare, args), **{name: _bare(value) for name, value in options.items()})
    return await found if inspect.isawaitable(found) else found


def _bare(value: Any) -> Any:
    return value._value if isinstance(value, Proxy) else value


@functools.cache
def _waits(kind: type[Any]) -> bool:
    """Whether anything of a class is awaited, iterated or entered asynchronously."""
    if hasattr(kind, "__aiter__") or hasattr(kind, "__aenter__"):
        return True
    if not kind.__module__.startswith("bqclient"):
        return False
    return any(
        inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
        for name, member in inspect.getmembers_static(kind)
        if not name.startswith("_")
    )
