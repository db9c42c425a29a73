"""The one engine that makes calls again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bqclient.errors import BigQueryError, DeadlineExceededError
from bqclient.runtime import Deadline, Runtime

from .breaker import Breakers
from .limiter import RateLimiter
from .policies import Resilience, RetryPolicy, Rule, rule_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One logical call, however often it is sent.

    ``idempotent``: sending it twice does no more than sending it once (it reads, or carries an id that the
    service knows again). A call that is not is made again only when the service refused it before doing
    anything. ``rule``: what this call does with an error otherwise than the table.
    """

    operation: str
    endpoint: str
    deadline: Deadline
    idempotent: bool = True
    rule: Callable[[BigQueryError], Rule | None] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a call, counted from 1; ``unsure``: an earlier one may have been carried out."""

    number: int
    unsure: bool = False


class Watcher(Protocol):
    """Told of retries."""

    def retrying(self, call: Call, error: BigQueryError, wait_s: float, number: int) -> None:
        """Before the wait for another attempt."""
        ...


class Retrier:
    """Makes attempts of a call until one succeeds, none is left, or the deadline comes."""

    def __init__(self, runtime: Runtime, settings: Resilience, watcher: Watcher | None = None) -> None:
        self.runtime, self.settings, self.watcher = runtime, settings, watcher
        self.breakers = Breakers(settings, runtime)
        rate = settings.calls_per_second
        self.limiter = None if rate is None else RateLimiter(runtime, rate, settings.burst)

    async def run(self, call: Call, attempt: Callable[[Attempt], Awaitable[T]]) -> T:
        """The first answer. Raises the last error when no attempt is left or time is over.

        That error is ``ambiguous`` when any attempt may have been carried out.
        """
        number, unsure = 1, False
        used: dict[str, int] = {}
        while True:
            try:
                return await self._once(call, attempt, Attempt(number, unsure))
            except BigQueryError as error:
                error.ambiguous = error.ambiguous or unsure
                rule = (call.rule and call.rule(error)) or rule_of(call.operation, error)
                wait = self._wait(call, error, rule, used)
                if wait is None:
                    raise
                if not call.deadline.allows(wait):
                    raise
                unsure = error.ambiguous or rule.ambiguous
                if self.watcher is not None:
                    self.watcher.retrying(call, error, wait, number)
            await self.runtime.sleep(wait)
            number += 1

    async def _once(self, call: Call, attempt: Callable[[Attempt], Awaitable[T]], this: Attempt) -> T:
        if self.limiter is not None:
            await self.limiter.take(call.deadline)
        breaker = self.breakers[call.endpoint] if self.settings.breaker else None
        probe = breaker.enter() if breaker is not None else False
        failure: BaseException | None = None
        try:
            left = call.deadline.remaining()
            if left is None:
                return await attempt(this)
            async with asyncio.timeout(left):
                return await attempt(this)
        except TimeoutError as over:
            failure = DeadlineExceededError(
                f"{call.operation} was not answered before its deadline.", ambiguous=True
            )
            raise failure from over
        except BaseException as error:
            failure = error
            raise
        finally:
            if breaker is not None:
                breaker.leave(failure, probe)

    def _wait(self, call: Call, error: BigQueryError, rule: Rule, used: dict[str, int]) -> float | None:
        """Seconds before the next attempt; ``None`` where there is none."""
        if not (call.idempotent or rule.refused):
            return None
        return self.wait_of(error, rule, used)

    def wait_of(self, error: BigQueryError, rule: Rule, used: dict[str, int]) -> float | None:
        """Seconds that the rule's policy waits; ``None`` when none is left. ``used`` counts, by policy."""
        policy: RetryPolicy = self.settings.policy(rule.policy)
        number = used.get(rule.policy, 0)
        if number >= policy.retries:
            return None
        used[rule.policy] = number + 1
        if error.retry_after is not None:
            return error.retry_after
        return policy.wait(number, self.runtime.fraction())
