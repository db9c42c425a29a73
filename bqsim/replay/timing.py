"""How long recorded work takes when it is replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.record.model import Operation
from bqsim.sim.draws import Draws

if TYPE_CHECKING:
    from bqsim.sim.latency import Latency

# Latencies of the service, where nobody gave others.
PRESET = "bigquery-2026-08"
ZERO, RECORDED, MODEL = "zero", "recorded", "model"


@dataclass(frozen=True, slots=True)
class Spans:
    """How long a job waits and how long it runs, in seconds."""

    queue_s: float = 0.0
    run_s: float = 0.0

    @property
    def whole_s(self) -> float:
        return self.queue_s + self.run_s


NO_TIME = Spans()


class Timing:
    """Times of replayed work: ``"zero"``, ``"recorded"``, a factor of what was recorded, or ``"model"``.

    ``model`` has latency models (:mod:`bqsim.sim.latency`) of ``queue`` and ``run``, which are drawn from for
    each job anew; without it those of the service that bqsim knows are used.
    """

    def __init__(
        self,
        timing: str | float = ZERO,
        *,
        model: Mapping[str, Latency] | None = None,
        draws: Draws | None = None,
    ) -> None:
        if isinstance(timing, str) and timing not in (ZERO, RECORDED, MODEL):
            try:
                timing = float(timing)
            except ValueError:
                raise ValueError(
                    f'timing is "zero", "recorded", "model" or a factor, not {timing!r}'
                ) from None
        if isinstance(timing, (int, float)) and timing < 0:
            raise ValueError(f"a factor of times is not negative: {timing}")
        self.factor = {ZERO: 0.0, RECORDED: 1.0}.get(timing) if isinstance(timing, str) else float(timing)
        self._model = model
        self._draws = Draws(0) if draws is None else draws

    @property
    def none(self) -> bool:
        """Whether nothing takes time."""
        return self.factor == 0.0

    def of(self, operation: Operation, use: int) -> Spans:
        """How long the job of an operation takes in its n-th use."""
        if self.factor == 0.0:
            return NO_TIME
        if self.factor is not None:
            at = operation.measures.get("at") or {}
            queue, run = _seconds(at, "queue_s"), _seconds(at, "run_s")
            if "run_s" not in at:
                run = max(0.0, _seconds(at, "end_s") - _seconds(at, "start_s") - queue)
            return Spans(queue * self.factor, run * self.factor)
        return self._drawn(operation, use)

    def before_answer_s(self, operation: Operation) -> float:
        """How long a call that is no job takes to answer."""
        if not self.factor:
            return 0.0
        at = operation.measures.get("at") or {}
        return _seconds(at, "first_byte_s") * self.factor

    def _drawn(self, operation: Operation, use: int) -> Spans:
        from bqsim.sim.latency import Load

        if self._model is None:
            from bqsim.sim.latency import preset

            self._model = preset(PRESET).parts
        statistics = (operation.result.get("job") or {}).get("statistics") or {}
        answer = operation.result.get("answer") or {}
        query = statistics.get("query") or {}
        processed = _number(query, "totalBytesProcessed") or _number(answer, "totalBytesProcessed")
        slots = statistics.get("totalSlotMs") or operation.measures.get("values", {}).get("totalSlotMs")
        load = Load(
            bytes=int(processed or 0),
            rows=int(operation.result.get("totalRows") or 0),
            slot_ms=_float(slots),
            statement_type=str(query.get("statementType") or answer.get("statementType") or ""),
        )
        spans = []
        for phase in ("queue", "run"):
            uniforms = self._draws.keyed(f"replay.{phase}", operation.key, use)
            spans.append(self._model[phase].draw(uniforms, load))
        return Spans(*spans)


def _seconds(at: Mapping[str, Any], name: str) -> float:
    return max(0.0, float(at.get(name) or 0.0))


def _number(members: Mapping[str, Any], name: str) -> float | None:
    return _float(members.get(name))


def _float(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
