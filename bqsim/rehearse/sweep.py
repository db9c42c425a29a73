"""All settings of a plan, simulated and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots.growth import NotCompiled
from bqsim.sim.slots.jobs import Outcomes, Retries, Workload
from bqsim.sim.slots.routing import reservation_of
from bqsim.sim.slots.world import simulate

from .errors import RehearsalError
from .gathering import Gatherer
from .judging import Tried, judged
from .plan.grid import Setting
from .plan.model import ClientRetries, Money, Plan
from .plan.reading import LoadedPlan
from .plan.streams import Quotas
from .results import Calibration, Report, SettingResult
from .spreading import Tell, WorkFailed, check_spread, here, spread_over
from .streams.settings import Streams, without_jobs
from .times import DAY_MS
from .uncertainty import Key, Trial, assumed, bare, trials
from .workloads.building import Joined, build, histories_of, week_of
from .workloads.model import Part
from .workloads.worked import Worked

# Buckets of time that a day can be cut into; the first that keeps all settings' usage within MOST_CELLS is
# taken (places times buckets times settings).
BUCKETS_MS = tuple(minutes * 60_000.0 for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440))
MOST_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is: of setting ``number`` (from 0), ``jobs`` have ended and this ``share`` of its time
    has passed. ``done`` counts settings that are through, of ``settings``; with its ``uncertainty`` a plan
    has several simulations for each, and these are counted."""

    setting: str
    number: int
    jobs: int
    share: float
    done: int
    settings: int
    uncertain: bool = False


class Bench:
    """What the settings of a plan have in common: the folder of its paths, how many settings there are. What
    was read from files and the last workload are kept, for the next setting to use."""

    def __init__(self, folder: Path, settings: int) -> None:
        self.folder, self.settings = folder, settings
        self._read: tuple[object, Mapping[int, Part]] | None = None
        self._last: tuple[object, Workload] | None = None
        self.streams = Streams()

    def __reduce__(self) -> tuple[type[Bench], tuple[Path, int]]:
        return Bench, (self.folder, self.settings)

    def workload(self, setting: Setting) -> Workload:
        """The jobs of a setting."""
        wanted = _jobs_of(setting)
        if self._last is None or self._last[0] != wanted:
            self._last = None
            plan = setting.plan
            made = build(plan, folder=self.folder, times=setting.times, histories=self._histories(plan))
            self._last = wanted, made
        return self._last[1]

    def week_ms(self, plan: Plan) -> float:
        """When in the week a plan begins, as its histories have it."""
        return week_of(plan, self._histories(plan))

    def _histories(self, plan: Plan) -> Mapping[int, Part]:
        origins = [part.origin for part in plan.workload]
        if self._read is None or self._read[0] != origins:
            self._read = None
            self._read = origins, histories_of(plan, self.folder)
        return self._read[1]


def _jobs_of(setting: Setting) -> object:
    """What settings with the same jobs have in common."""
    plan = replace(setting.plan, streams=(), quotas=Quotas())
    return replace(plan, capacity=Capacity(), retries=ClientRetries(), money=Money()), setting.times


def _ordered(asked: Sequence[Trial]) -> list[Trial]:
    """Those with the most jobs first, so that the last ones to end are short; equal workloads in a row."""
    kinds: list[object] = []
    ranks: dict[str, int] = {}
    for trial in asked:
        setting = trial.setting
        if setting.name not in ranks:
            jobs = _jobs_of(setting)
            if jobs not in kinds:
                kinds.append(jobs)
            ranks[setting.name] = kinds.index(jobs)
    return sorted(asked, key=lambda one: (-one.setting.times, ranks[one.setting.name], one.chance))


def rehearse(
    loaded: LoadedPlan,
    *,
    workers: int = 1,
    spread: str = "processes",
    address: str = "",
    progress: Callable[[Progress], None] | None = None,
    calibration: Calibration | None = None,
) -> Report:
    """Simulate every setting of the plan and judge them.

    The report is the same however many ``workers`` there are, and wherever: ``spread`` is ``processes`` of
    this machine or ``ray``, with ``address`` one that runs already. ``progress`` is called as jobs end (on
    Ray, every second). Raises :class:`RehearsalError` that names the setting that cannot be simulated.
    """
    check_spread(spread)
    found = loaded.settings
    uncertain = assumed(loaded.plan, calibration)
    ordered = _ordered(tuple(trials(found, uncertain)))
    results: dict[Key, SettingResult] = {}
    bench = Bench(loaded.folder, len(found))

    def tell(number: int, what: tuple[int, float]) -> None:
        if progress is not None:
            name = ordered[number].name
            progress(Progress(name, number, *what, len(results), len(ordered), uncertain is not None))

    def take(number: int, result: SettingResult) -> None:
        results[ordered[number].key] = result
        tell(number, (result.simulated_jobs, 1.0))

    def grow(setting: Setting, factor: float) -> SettingResult:
        """One by one, here: each follows from what came of those before it."""
        number = len(ordered)
        ordered.append(Trial(setting, work=factor))
        try:
            for _, result in here(simulated, bench, ordered[number:], lambda _, what: tell(number, what)):
                take(number, result)
        except WorkFailed as failed:
            raise failed.told_of(f"setting '{ordered[number].name}'") from None
        return results[ordered[number].key]

    try:
        with closing(spread_over(spread, simulated, bench, ordered, workers, tell, address)) as made:
            for number, result in made:
                take(number, result)
        planned = tuple(results[Trial(one).key] for one in found)
        if uncertain is None:
            return judged(loaded, planned, calibration)
        return judged(loaded, planned, calibration, tried=_tried(ordered, results), grow=grow)
    except WorkFailed as failed:
        raise failed.told_of(f"setting '{ordered[failed.number].name}'") from None


def _tried(ordered: Sequence[Trial], results: Mapping[Key, SettingResult]) -> Tried:
    """What came of each setting otherwise than planned, in the order of what was other."""
    found: dict[str, list[tuple[Trial, SettingResult]]] = {one.setting.name: [] for one in ordered}
    for one in sorted(ordered, key=lambda one: (one.chance, one.work)):
        if not one.as_planned:
            found[one.setting.name].append((one, results[one.key]))
    return found


def measured(bench: Bench, setting: Setting, tell: Tell) -> SettingResult:
    """Simulate one setting as planned."""
    return simulated(bench, Trial(setting), tell)


def simulated(bench: Bench, trial: Trial, tell: Tell) -> SettingResult:
    """Simulate a setting once; ``tell`` gets the number of jobs ended and the share of the time, by chunks.
    What slots did over time, and what days change, is in the result as planned only."""
    setting = trial.drawn
    plan = setting.plan
    if not plan.workload:
        alone = without_jobs(setting)
        result = bench.streams.added(alone, plan, bench.folder, (plan.days or 1.0) * DAY_MS, 0.0)
        tell((0, 1.0))
        return result
    workload = bench.workload(setting)
    samples = workload.samplings() if isinstance(workload, Joined) and trial.as_planned else ()
    if trial.work != 1.0:
        workload = Worked(workload, trial.work)
    gatherer = Gatherer(plan, workload, setting.capacity, folder=bench.folder, bounded=trial.as_planned)
    jobs = 0

    def sink(outcomes: Outcomes) -> None:
        nonlocal jobs
        gatherer.add(outcomes)
        jobs += len(outcomes)
        if len(outcomes) and workload.duration_ms > 0:
            tell((jobs, min(float(outcomes.end_ms[-1]) / workload.duration_ms, 1.0)))

    places = _places(setting.capacity, workload)
    try:
        usage = simulate(
            setting.capacity,
            workload,
            sink,
            retries=retries_of(setting.retries),
            seed=plan.seed,
            bucket_ms=bucket_ms(workload.duration_ms, places, bench.settings),
        )
    except NotCompiled as error:
        raise RehearsalError(str(error)) from None
    result = gatherer.result(setting.name, setting.values, usage)
    if plan.streams:
        lasted = workload.duration_ms or usage.end_ms
        result = bench.streams.added(result, plan, bench.folder, lasted, bench.week_ms(plan))
    return replace(result, samples=samples) if trial.as_planned else bare(result)


def _places(capacity: Capacity, workload: Workload) -> int:
    """How many places the usage of a setting tells apart."""
    routed = [(one.project, reservation_of(capacity, one)) for one in workload.sources]
    on_demand = {project for project, name in routed if not name}
    return len({*capacity.reservations, *(name for _, name in routed if name)}) + len(on_demand)


def retries_of(plan: ClientRetries) -> Retries | None:
    """What clients do about failures, for the simulation; None where they give up at once."""
    if plan.attempts <= 1:
        return None
    return Retries(plan.attempts, plan.first_s * 1e3, plan.factor, plan.longest_s * 1e3, plan.jitter)


def bucket_ms(duration_ms: float, places: int, settings: int) -> float:
    """By how much time usage is added up."""
    cells = MOST_CELLS / max(places * settings, 1)
    return next((one for one in BUCKETS_MS if duration_ms / one <= cells), BUCKETS_MS[-1])
