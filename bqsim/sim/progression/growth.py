"""The query plan and timeline of a job that runs, as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# Page "Query plan": how often the service refreshes what it shows of a running job.
REFRESH_US = 30_000_000
MAX_SAMPLES = 500

# Name and units of work of the stages; the engine's own plan is not BigQuery's.
STAGES: Sequence[tuple[str, int]] = (("Input", 64), ("Aggregate", 24), ("Output", 12))
UNITS = sum(units for _, units in STAGES)


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a job was: the share of its work that was done ``elapsed_ms`` after its start."""

    elapsed_ms: int
    share: float


@dataclass(slots=True)
class Growth:
    """The samples of one job since ``start_us``, the newest last."""

    start_us: int
    samples: list[Sample] = field(default_factory=lambda: [Sample(0, 0.0)])

    def see(self, now_us: int, share: float, *, at_once: bool = False) -> None:
        """Take the samples that are due by now; ``at_once`` also one of this moment.

        Between the last one and now the work is taken as done evenly.
        """
        last = self.samples[-1]
        elapsed_ms = (now_us - self.start_us) // 1000
        share = max(share, last.share)
        gap_ms = elapsed_ms - last.elapsed_ms
        refresh_ms = REFRESH_US // 1000
        every_ms = max(refresh_ms, -(-gap_ms // MAX_SAMPLES // refresh_ms) * refresh_ms)
        at_ms = last.elapsed_ms // refresh_ms * refresh_ms + every_ms
        while at_ms <= elapsed_ms and gap_ms:
            part = (at_ms - last.elapsed_ms) / gap_ms
            self._add(Sample(at_ms, last.share + (share - last.share) * part))
            at_ms += every_ms
        if at_once and share > self.samples[-1].share:
            self._add(Sample(elapsed_ms, share))

    def _add(self, sample: Sample) -> None:
        if len(self.samples) >= MAX_SAMPLES:
            del self.samples[1 : len(self.samples) // 2]
        self.samples.append(sample)

    def to_json(self) -> dict[str, Any]:
        """``queryPlan``, ``timeline`` and ``totalSlotMs`` as of the last sample."""
        last = self.samples[-1]
        return {
            "queryPlan": self._plan(last),
            "timeline": [_timeline(sample) for sample in self.samples],
            "totalSlotMs": str(last.elapsed_ms),
        }

    def _plan(self, last: Sample) -> list[dict[str, Any]]:
        start_ms = self.start_us // 1000
        done, before = round(last.share * UNITS), 0
        stages: list[dict[str, Any]] = []
        for number, (name, units) in enumerate(STAGES):
            completed = min(max(done - before, 0), units)
            stage: dict[str, Any] = {
                "id": str(number),
                "name": f"S{number:02}: {name}",
                "status": _status(completed, units, running=done >= before),
                "parallelInputs": str(units),
                "completedParallelInputs": str(completed),
                "slotMs": str(round(self._reached(before + completed) - self._reached(before))),
            }
            if number:
                stage["inputStages"] = [str(number - 1)]
            if stage["status"] != "PENDING":
                stage["startMs"] = str(start_ms + round(self._reached(before)))
            if stage["status"] == "COMPLETE":
                stage["endMs"] = str(start_ms + round(self._reached(before + units)))
            stages.append(stage)
            before += units
        return stages

    def _reached(self, units: int) -> float:
        """Milliseconds after the start at which so many units were completed."""
        share = units / UNITS
        earlier = self.samples[0]
        for sample in self.samples:
            if sample.share >= share:
                rise = sample.share - earlier.share
                part = (share - earlier.share) / rise if rise else 0.0
                return earlier.elapsed_ms + (sample.elapsed_ms - earlier.elapsed_ms) * part
            earlier = sample
        return earlier.elapsed_ms


def _status(completed: int, units: int, *, running: bool) -> str:
    if completed == units:
        return "COMPLETE"
    return "RUNNING" if running else "PENDING"


def _timeline(sample: Sample) -> dict[str, Any]:
    done = round(sample.share * UNITS)
    return {
        "elapsedMs": str(sample.elapsed_ms),
        "totalSlotMs": str(sample.elapsed_ms),
        "pendingUnits": str(UNITS - done),
        "completedUnits": str(done),
        "activeUnits": str(min(1, UNITS - done)),
    }
