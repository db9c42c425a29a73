"""An event loop in a thread of its own, and what of it is used without ``await``."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any

from .errors import UsageError

# Seconds that an interrupted thread waits for its work to be given up, a job to be cancelled, …
_GIVE_UP_S = 10.0


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bqclient", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What ``work`` gives. When the waiting thread is interrupted, the work is cancelled.

        Raises UsageError in the loop's own thread, and when the loop was stopped before or meanwhile.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise UsageError("A callback of the client cannot call the client again and wait for it.")
        given = _Given(work)
        try:
            # An interruption comes at any place: from here on the work may have begun.
            whole = given.whole()
            try:
                future = asyncio.run_coroutine_threadsafe(whole, self._loop)
            except RuntimeError:
                whole.close()
                work.close()
                raise UsageError("The client is closed.") from None
            return future.result()
        except CancelledError:
            raise UsageError("The client was closed while the call was under way.") from None
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(given.cancel)
            given.ended.wait(_GIVE_UP_S)
            raise

    def stop(self) -> None:
        """End the thread; what still runs is cancelled first."""
        if self.closed:
            return
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class _Given:
    """Work that was given to the loop."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self.ended = threading.Event()

    async def whole(self) -> Any:
        """The work; ``ended`` is set after it."""
        self._task = asyncio.current_task()
        try:
            if self._cancelled:
                self._work.close()
                raise asyncio.CancelledError
            return await self._work
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """Cancel it: in the loop's thread."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Proxy:
    """Something of the client with methods that are awaited there; attributes are the thing's own."""

    __slots__ = ("_loop", "_value")

    def __init__(self, loop: LoopThread, value: Any) -> None:
        object.__setattr__(self, "_loop", loop)
        object.__setattr__(self, "_value", value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return wrap(self._loop, getattr(self._value, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._value, name, bare(value))

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
            if hasattr(items, "aclose") and not self._loop.closed:
                self._loop.run(items.aclose())

    def __enter__(self) -> Any:
        return wrap(self._loop, self._loop.run(self._value.__aenter__()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return self._loop.run(self._value.__aexit__(kind, error, trace))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return bool(self._value == bare(other))

    def __hash__(self) -> int:
        return hash(self._value)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._value) if not name.startswith("_")]

    def __repr__(self) -> str:
        return repr(self._value)


async def _next(items: Any) -> Any:
    return await items.__anext__()


def wrap(loop: LoopThread, value: Any) -> Any:
    """A value as callers without ``await`` may use it."""
    if inspect.isroutine(value):
        return _function(loop, value)
    kind: Any = type(value)
    if isinstance(value, type) or not waits(kind):
        return value
    return Proxy(loop, value)


def bare(value: Any) -> Any:
    """A value as the client itself has it."""
    return value._value if isinstance(value, Proxy) else value


def _function(loop: LoopThread, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        return wrap(loop, loop.run(_call(function, args, options)))

    return called


async def _call(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call in the loop's thread: what is made there belongs to the loop."""
    found = function(*map(_bare_all, args), **{name: _bare_all(value) for name, value in options.items()})
    if not inspect.isawaitable(found) or (not inspect.iscoroutine(found) and waits(type(found))):
        return found
    return await found


def _bare_all(value: Any) -> Any:
    return [bare(one) for one in value] if isinstance(value, list) else bare(value)


@functools.cache
def waits(kind: type[Any]) -> bool:
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
