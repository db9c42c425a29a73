"""The settings of a plan: every combination of its grid, and those with names of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from bqsim.rehearse.errors import RehearsalError
from bqsim.sim.scenario import capacity_checks
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.kinds import Scalar
from bqsim.sim.scenario.spelling import clip

from .checks import FINDERS, MOST_TIMES, too_often
from .model import ClientRetries, Plan
from .paths import TIMES, Keys, PathError, Target, read_value, records, replaced, resolved
from .whole import of_plan

MOST_SETTINGS = 1_000
AS_PLANNED = "as planned"
# What of a workload one can decide; anything else of it is how the world is, and settings are compared only
# where that is the same.
_DECIDED = ("shift", "priority", "project", "reservation", "max_slots", "timeout")
# What of a stream is how much comes.
_COMING = ("times", "growth", "rows", "bytes", "row_bytes")

Values = Mapping[str, Scalar]
# Where in the plan file it is wrong, and what.
Wrong = tuple[Keys, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting to rehearse. ``values`` are what the grid gave it, by path.

    ``plan`` is the plan with them; ``capacity`` and ``retries`` are its. ``times`` multiplies all jobs.
    ``circumstances`` are what nobody chooses (how much work there is): settings are alternatives to each
    other where those are the same. ``choice`` is the rest. Both name every path that any setting gives.
    """

    name: str
    values: Values
    plan: Plan
    times: float = 1.0
    circumstances: tuple[tuple[str, object], ...] = ()
    choice: tuple[tuple[str, object], ...] = ()

    @property
    def capacity(self) -> Capacity:
        return self.plan.capacity

    @property
    def retries(self) -> ClientRetries:
        return self.plan.retries


def settings(plan: Plan) -> tuple[Setting, ...]:
    """All settings, in the order of the plan: those of the grid, the last path varying fastest, then those
    with names. Without either the plan itself is the only one.

    Raises :class:`RehearsalError` when a path leads nowhere or a setting cannot be.
    """
    found, problems = expanded(plan)
    if problems:
        raise RehearsalError(
            "\n".join(f"{'.'.join(map(str, keys))}: {message}" for keys, message in problems)
        )
    return found


def expanded(plan: Plan) -> tuple[tuple[Setting, ...], list[Wrong]]:
    """The settings of a plan, or all that is wrong with them and where."""
    grid = _Grid(plan)
    problems = [*grid.check_axes()]
    if problems:
        return (), problems
    found = list(grid.settings())
    told: dict[Wrong, Wrong] = {}
    for setting in found:
        for keys, message in grid.wrong(setting):
            told.setdefault((keys, message), (keys, f"{message} (in the setting '{setting.name}')"))
    return tuple(found), [*told.values(), *_same_names(found)]


class _Grid:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.targets: dict[str, Target] = {}
        self.circumstances: tuple[str, ...] = ()

    def check_axes(self) -> Iterator[Wrong]:
        plan = self.plan
        count = prod(len(values) for values in plan.grid.values()) + len(plan.settings)
        if count > MOST_SETTINGS:
            message = f"this makes {count:,} settings; a rehearsal has at most {MOST_SETTINGS:,}"
            yield ("grid",) if plan.grid else ("settings",), message
            return
        for path, values in plan.grid.items():
            here: Keys = ("grid", path)
            if not values:
                yield here, "a path of the grid needs at least one value"
            elif (problem := self._resolve(path)) is not None:
                yield here, problem
            else:
                yield from self._values(here, path, values)
        for name, given in plan.settings.items():
            for path, value in given.items():
                here = ("settings", name, path)
                if (problem := self._resolve(path)) is not None:
                    yield here, problem
                else:
                    yield from self._values(here, path, (value,))
        yield from self._same_targets("grid", tuple(plan.grid))
        for name, given in plan.settings.items():
            yield from self._same_targets("settings", tuple(given), name)
        self.circumstances = tuple(path for path in self.targets if _is_circumstance(path))

    def _resolve(self, path: str) -> str | None:
        if path == TIMES:
            self.targets[path] = _TIMES
            return None
        try:
            self.targets[path] = resolved(self.plan, path)
        except PathError as error:
            return str(error)
        return None

    def _values(self, here: Keys, path: str, values: tuple[Scalar, ...]) -> Iterator[Wrong]:
        seen: list[object] = []
        for at, value in enumerate(values):
            place = (*here, at) if here[0] == "grid" else here
            try:
                read = self._read(path, value)
            except PathError as error:
                yield place, str(error)
                continue
            if read in seen:
                yield place, f"the value {clip(_said(value))} is there twice"
            seen.append(read)

    def _read(self, path: str, value: Scalar) -> object:
        read = read_value(self.targets[path], value)
        if path == TIMES and isinstance(read, float) and read > MOST_TIMES:
            raise PathError(too_often(read))
        return read

    def _same_targets(self, *where: str | tuple[str, ...]) -> Iterator[Wrong]:
        root, paths, *name = where
        first: dict[Keys, str] = {}
        for path in paths:
            if path not in self.targets:
                continue
            keys = self.targets[path].keys
            if keys in first:
                yield (str(root), *map(str, name), path), f"'{path}' and '{first[keys]}' are the same"
            first.setdefault(keys, path)

    def settings(self) -> Iterator[Setting]:
        plan = self.plan
        if plan.grid:
            short = _short(tuple(plan.grid))
            for combined in product(*plan.grid.values()):
                values = dict(zip(plan.grid, combined, strict=True))
                named = ", ".join(f"{short[path]}={_said(value)}" for path, value in values.items())
                yield self._setting(named, values)
        for name, given in plan.settings.items():
            yield self._setting(name, given)
        if not plan.grid and not plan.settings:
            yield self._setting(AS_PLANNED, {})

    def _setting(self, name: str, values: Values) -> Setting:
        changed = self.plan
        times = 1.0
        for path, value in values.items():
            read = read_value(self.targets[path], value)
            if path == TIMES:
                times = read
            else:
                changed = replaced(changed, self.targets[path].keys, read)
        every = [(path, self._value(path, values)) for path in self.targets]
        around = tuple(pair for pair in every if pair[0] in self.circumstances)
        choice = tuple(pair for pair in every if pair[0] not in self.circumstances)
        return Setting(name, dict(values), changed, times, around, choice)

    def _value(self, path: str, values: Values) -> object:
        """What a setting has at a path; that of the plan where it gives none."""
        target = self.targets[path]
        return read_value(target, values[path]) if path in values else target.value

    def wrong(self, setting: Setting) -> Iterator[Wrong]:
        """What cannot be together in a setting, told at its value that is nearest to it."""
        # The plan itself was checked when it was read.
        if not setting.values:
            return
        told = [
            ((*keys, *path), message)
            for keys, record in records(setting.plan)
            for path, message in capacity_checks.found(record, finders=(FINDERS,))
        ]
        for keys, message in told or of_plan(setting.plan, setting.times):
            yield self._nearest(setting, keys), message

    def _nearest(self, setting: Setting, keys: Keys) -> Keys:
        def common(path: str) -> int:
            pairs = zip(keys, self.targets[path].keys, strict=False)
            return next(
                (n for n, (a, b) in enumerate(pairs) if a != b), min(len(keys), len(self.targets[path].keys))
            )

        path = max(setting.values, key=common)
        if setting.name in self.plan.settings and path in self.plan.settings[setting.name]:
            return ("settings", setting.name, path)
        return ("grid", path, self.plan.grid[path].index(setting.values[path]))


_TIMES = Target(("workload", "times"), resolved(Plan(()), "capacity.slots_per_query").shape, False, 1.0)


def _is_circumstance(path: str) -> bool:
    if path.startswith("streams."):
        return any(word in _COMING for word in path.split(".")[2:])
    return path.startswith("workload.") and path.rsplit(".", 1)[-1] not in _DECIDED


def _short(paths: tuple[str, ...]) -> dict[str, str]:
    """The shortest ends of paths that tell them apart."""
    found = {}
    for path in paths:
        words = path.split(".")
        for count in range(1, len(words) + 1):
            end = ".".join(words[-count:])
            if sum(other == end or other.endswith(f".{end}") for other in paths) == 1:
                break
        found[path] = end
    return found


def _said(value: Scalar) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return str(value) or "''"


def _same_names(found: list[Setting]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for setting in found:
        if setting.name in seen:
            yield ("settings", setting.name), f"another setting has the name '{setting.name}'"
        seen.add(setting.name)
