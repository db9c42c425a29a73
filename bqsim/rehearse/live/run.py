"""A live rehearsal of a plan, from its file to its report."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.grid import Setting
from bqsim.rehearse.plan.reading import LoadedPlan
from bqsim.rehearse.results import SettingResult
from bqsim.rehearse.spreading import WorkFailed, check_spread, spread_over
from bqsim.rehearse.sweep import Bench, measured, retries_of
from bqsim.rehearse.times import HOUR_MS
from bqsim.sim.draws import Draws
from bqsim.sim.slots.jobs import Retries
from bqsim.workload.caller import is_real

from .drive import CLIENTS, GOOGLE, Names, Order, bounded, drive
from .driver import Pace
from .meeting import Meeting
from .progress import Now
from .report import LATE_S, LiveReport, broken, objectives
from .simulator import apply, asked, check_answers, differences
from .tally import Tally

_TELL_S = 1.0
# Signals that end a process; there is no SIGHUP everywhere.
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True, slots=True)
class Options:
    """How a live rehearsal is done.

    ``setting`` is the name of one of the plan's settings; '' the plan without any value of its grid.
    ``speed`` sends that many times as fast as planned, ``for_s`` ends sends after so many seconds. ``client``
    is ``rest`` or ``google``. ``drivers`` processes send (``spread``: ``processes`` or ``ray``). ``real``
    allows Google's own service, which needs ``cap_bytes``, the most bytes billed; ``cap_slot_hours`` is the
    most slot time. ``stop_file``: a file whose being there stops all. ``apply`` puts the setting's
    capacity and the clock's speed in force at the simulator. ``simulate``: the same jobs are simulated,
    too. ``projects`` are renamed, ``reservations`` are full names by the plan's.
    """

    setting: str = ""
    client: str = "rest"
    drivers: int = 1
    spread: str = "processes"
    address: str = ""
    speed: float = 1.0
    for_s: float = float("inf")
    most_in_flight: int = 100_000
    patience_s: float = 3_600.0
    threads: int = 64
    waiters: int = 512
    real: bool = False
    cap_bytes: int | None = None
    cap_slot_hours: float | None = None
    stop_file: str = ""
    apply: bool = False
    simulate: bool = True
    own_texts: bool = True
    projects: Names = field(default_factory=dict)
    reservations: Names = field(default_factory=dict)
    run_id: str = ""


def run(
    loaded: LoadedPlan,
    url: str,
    options: Options | None = None,
    *,
    progress: Callable[[Now], None] | None = None,
) -> LiveReport:
    """Send the plan's jobs to ``url`` and tell what was seen.

    An interrupt (Ctrl-C), SIGTERM, or the stop file, sends nothing more and cancels what runs; what was seen
    until then is told. ``progress`` is called every second, on another thread. Raises
    :class:`RehearsalError`.
    """
    given = options or Options()
    if not loaded.plan.workload:
        raise RehearsalError("the plan has no jobs to send: streams are rehearsed, not driven")
    _allowed(url, given)
    setting = _setting(loaded, given.setting)
    plan = setting.plan
    notes: list[str] = []
    if not is_real(url):
        check_answers(url)
    if given.apply:
        apply(url, setting, given.speed)
    rate = 1.0
    if not is_real(url):
        clock = asked(url, "clock")
        if clock is not None and clock.get("rate") == 0:
            raise RehearsalError("the simulator's clock stands, no job would end: let it run, or say --apply")
        rate = float((clock or {}).get("rate") or 1.0)
        notes += differences(url, setting, given.speed, rate)
    pace = Pace(
        given.speed,
        rate,
        given.for_s,
        plan.warm_up_s,
        max(given.most_in_flight // given.drivers, 1),
        given.patience_s,
    )
    plan = bounded(plan, pace)
    with tempfile.TemporaryDirectory(prefix="bqsim-live-") as folder:
        meeting = Meeting(folder, given.stop_file)
        order = Order(
            plan=plan,
            folder=loaded.folder.absolute(),
            times=setting.times,
            url=url,
            meeting=meeting,
            drivers=given.drivers,
            client=given.client,
            pace=pace,
            retries=retries_of(setting.retries) or Retries(),
            threads=given.threads,
            waiters=given.waiters,
            real=is_real(url),
            cap_bytes=None if given.cap_bytes is None else given.cap_bytes // given.drivers,
            cap_slot_ms=(
                None if given.cap_slot_hours is None else given.cap_slot_hours * HOUR_MS / given.drivers
            ),
            run_id=given.run_id or Draws().hex_id("rehearse.live.run", 8),
            projects=dict(given.projects),
            reservations=dict(given.reservations),
            own_texts=given.own_texts,
        )
        with _stopping(meeting), _telling(meeting, given.drivers, progress):
            seen = _driven(order, given)
        stopped, why = meeting.stopped, meeting.why
    tally = Tally.merged([one.name for one in seen[0].groups], seen)
    missed = objectives(plan, tally)
    report = LiveReport(
        plan.name,
        setting.name,
        url,
        given.client,
        given.drivers,
        plan.seed,
        given.speed,
        rate,
        tally,
        missed,
        tuple(broken(plan, setting.name, tally, missed, loaded.place)),
        _rehearsed(loaded, setting, plan) if given.simulate and not stopped else None,
        stopped,
        why,
    )
    return replace(report, notes=(*notes, *_notes(report, given)))


def _allowed(url: str, given: Options) -> None:
    """Refuse what is dangerous, or cannot be."""
    if not url.startswith(("http://", "https://")):
        raise RehearsalError(f"the endpoint is an address such as http://127.0.0.1:9050, not {url}")
    if given.client not in CLIENTS:
        raise RehearsalError(f"there is no client {given.client!r}: {' or '.join(CLIENTS)}")
    check_spread(given.spread)
    if given.drivers < 1 or given.speed <= 0 or given.for_s <= 0:
        raise RehearsalError("drivers, speed and the time of a live rehearsal are above 0")
    if is_real(url):
        if not given.real:
            raise RehearsalError("this is the real service: jobs cost money there; say --real")
        if given.cap_bytes is None:
            raise RehearsalError("the real service needs --spend-cap")
        if not url.startswith("https://"):
            raise RehearsalError("the real service is called by https only")
        if given.apply:
            raise RehearsalError("--apply is for simulators: it changes nothing at the real service")


def _setting(loaded: LoadedPlan, name: str) -> Setting:
    if not name:
        return Setting("as planned", {}, loaded.plan)
    for one in loaded.settings:
        if one.name == name:
            return one
    known = ", ".join(f"'{one.name}'" for one in loaded.settings[:10])
    raise RehearsalError(f"the plan has no setting '{name}'; it has {known}")


@contextlib.contextmanager
def _stopping(meeting: Meeting) -> Iterator[None]:
    """A signal that would end this process stops all drivers; a second one ends it as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: Any) -> None:
        meeting.stop(signal.Signals(number).name)
        restore()

    def restore() -> None:
        for one, handler in before.items():
            # None: it is not Python's.
            signal.signal(one, signal.SIG_DFL if handler is None else handler)

    before = {one: signal.getsignal(one) for one in _ENDING}
    for one in _ENDING:
        signal.signal(one, stop)
    try:
        yield
    finally:
        restore()


@contextlib.contextmanager
def _telling(meeting: Meeting, drivers: int, progress: Callable[[Now], None] | None) -> Iterator[None]:
    """Tell what is done every second, and at last."""
    if progress is None:
        yield
        return
    over = threading.Event()
    told: Callable[[Now], None] = progress

    def tell() -> None:
        last = -1.0
        while not over.wait(_TELL_S):
            now = meeting.now(drivers)
            if now is not None and now.seconds > last:
                last = now.seconds
                told(now)

    thread = threading.Thread(target=tell, name="bqsim-live-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        now = meeting.now(drivers)
        if now is not None:
            told(now)


def _driven(order: Order, given: Options) -> list[Tally]:
    """What each driver saw."""
    numbers = range(given.drivers)
    results = spread_over(given.spread, drive, order, numbers, given.drivers, _untold, given.address)
    try:
        found = dict(results)
    except WorkFailed as failed:
        order.meeting.stop()
        raise failed.told_of(f"driver {failed.number + 1}") from None
    return [Tally.from_dict(found[number]) for number in numbers]


def _untold(_number: int, _what: Any) -> None:
    return None


def _rehearsed(loaded: LoadedPlan, setting: Setting, plan: Any) -> SettingResult:
    """The simulation of the jobs that were sent."""
    return measured(Bench(loaded.folder, 1), replace(setting, plan=plan), lambda _: None)


def _notes(report: LiveReport, given: Options) -> Iterator[str]:
    tally = report.tally
    if report.rate_held < 0.99:
        yield (
            f"the rate was not held: {1 - report.rate_held:.1%} of the jobs were sent more than {LATE_S:g} s "
            "late; durations count that, more drivers or a lower speed avoid it"
        )
    given_up = tally.whole().stopped + tally.unfinished
    if given_up and not report.stopped:
        yield (
            f"{given_up:,} jobs had not ended {given.patience_s:g} s after the last was sent and were "
            "cancelled: durations are of those that ended, and lower than they would have been"
        )
    if given.client == GOOGLE and any(one.in_flight > given.waiters for one in tally.seconds.values()):
        yield (
            f"at times more than {given.waiters:,} jobs were in flight, as many as threads wait for ends: "
            "their durations count the wait for a thread"
        )
    if given.cap_bytes is not None and given.cap_slot_hours is None:
        yield (
            "the spending cap bounds bytes billed on demand; slots of reservations cost by their time, which "
            "--slot-cap bounds"
        )
    if tally.as_one:
        yield (
            f"{tally.as_one:,} jobs have more stages than their labels can tell: live they have one, that "
            "takes as long with all slots that it wants"
        )
    if report.rehearsed is None and given.simulate:
        yield "stopped rehearsals are not simulated: the jobs would be others"
