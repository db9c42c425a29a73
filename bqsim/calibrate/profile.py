"""A calibration as a scenario: the file that ``bqsim serve --scenario`` loads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bqsim.server.known import known
from bqsim.sim.methods import APPEND_ROWS
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import parse
from bqsim.sim.scenario.model import Error, LatencyRule, Match, Rule, Scenario

from .calibration import Calibration, rate_text, told
from .classes import FINGERPRINT, PHASES, QUEUE, RUN, Class

_WIDTH = 108


def profile(made: Calibration, name: str = "calibrated") -> str:
    """The text of a scenario that behaves as was measured, with samples and confidence in its comments.

    The scenario's own loader has read it: it raises ``ScenarioError`` for what it would not take.
    """
    lines = [
        f"# Fitted to {len(made.samples.jobs):,} jobs of {', '.join(made.samples.sources)}.",
        "# Each latency tells how it was fitted; KS is the distance of times that the fit had not seen.",
        f"name: {_quoted(name)}",
        f"description: {_quoted('Latencies and failures as measured')}",
    ]
    latencies = list(_latencies(made))
    if latencies:
        lines += ["latency:", "  rules:"]
        for comment, rule in latencies:
            lines += [f"    # {line}" for line in comment]
            lines += _item(to_dict(rule), "    ")
    rules = list(_rules(made))
    if rules:
        lines.append("rules:")
        for comment, one in rules:
            lines += [f"  # {line}" for line in comment]
            lines += _item(to_dict(one), "  ")
    told_more = [
        *made.missed,
        *(
            f"not in this profile, since requests cause it: {rate_text(one)}"
            for one in made.rates
            if not one.by_chance
        ),
        *_fallen(made),
    ]
    if told_more:
        lines += ["# Not fitted, or not for a simulator to do:", *(f"#   {line}" for line in told_more)]
    if made.slots:
        lines.append("# Slot milliseconds by fingerprint, which the simulator takes from its own work:")
        lines += [
            f"#   {one.fingerprint}: p50 {one.p50:.0f}, p90 {one.p90:.0f}, p99 {one.p99:.0f} "
            f"of {one.jobs} jobs; {one.per_mib:.2f} per MiB"
            for one in made.slots
        ]
    if made.columns:
        lines.append("# Bytes of columns, which shadow tables (`bqsim import`, `bqsim seed`) may be given:")
        for table in made.columns:
            shown = ", ".join(f"{column} {size}" for column, size in table.columns.items())
            lines.append(f"#   {table.table}: {shown}; off by {table.error:.1%} on average")
    text = "\n".join(lines) + "\n"
    parse(text, "profile", known())
    return text


def scenario(made: Calibration, name: str = "calibrated") -> Scenario:
    """The scenario of :func:`profile`."""
    return parse(profile(made, name), "profile", known())


def _latencies(made: Calibration) -> Iterator[tuple[list[str], LatencyRule]]:
    if any(job.statement_type == "SCRIPT" for job in made.samples.jobs):
        nothing = described.Latency(described.Fixed(0.0))
        comment = ["Scripts run as long as the statements in them."]
        yield comment, LatencyRule(nothing, RUN, Match(statement_type=("SCRIPT",)))
    for phase in PHASES:
        for one in made.classes:
            if phase in one.fits:
                yield _comment(made, one, phase), LatencyRule(one.fits[phase].latency, phase, one.match)
    for method, found in made.calls.items():
        comment = [f"calls of {method}: {told(found)}"]
        yield comment, LatencyRule(found.latency, "before", Match(method=(method,)))
    for method, found in made.pages.items():
        comment = [f"pages of {method}: {told(found)}"]
        yield comment, LatencyRule(found.latency, "page", Match(method=(method,)))
    if made.acks is not None:
        comment = [f"acks of appends: {told(made.acks)}"]
        yield comment, LatencyRule(made.acks.latency, "ack", Match(method=(APPEND_ROWS,)))


def _comment(made: Calibration, one: Class, phase: str) -> list[str]:
    lines = [f"{phase} of {one.title}: {told(one.fits[phase])}"]
    ks = made.compared.get(f"{one.title}/{phase}")
    if ks is not None:
        lines.append(f"  generated against recorded: KS {ks:.3f}")
    if one.level == FINGERPRINT and (example := one.example()):
        lines.append(f"  {_plain(example)}")
    return lines


def _rules(made: Calibration) -> Iterator[tuple[list[str], Rule]]:
    """Failures that befall requests by chance, at their rates."""
    for one in made.rates:
        if not one.by_chance or one.rate <= 0.0:
            continue
        kind, _, jobs = one.subject.partition(" ")
        share = float(f"{one.rate:.6g}")
        if jobs:
            match = Match(job_type=(kind,), probability=share)
            effect = Error(one.known, level="job")
        else:
            match = Match(method=(one.subject,), probability=share)
            effect = Error(one.known)
        name = f"{one.subject}-{one.reason}".replace(" ", "-").replace(".", "-")
        yield [rate_text(one)], Rule(f"calibrated-{name}", effect, match)


def _fallen(made: Calibration) -> Iterator[str]:
    for one in made.classes:
        if one.level == FINGERPRINT and one.fell_back.keys() >= {QUEUE, RUN}:
            continue
        for phase, reason in one.fell_back.items():
            yield f"{phase} of {one.title}: {reason}"
    whole = [one for one in made.classes if one.level == FINGERPRINT and one.fell_back.keys() >= {QUEUE, RUN}]
    if whole:
        yield f"{len(whole)} fingerprints have no latencies of their own: wider classes stand in"


def _item(value: dict[str, Any], indent: str) -> list[str]:
    """An item of a list as YAML."""
    import yaml

    text = yaml.safe_dump([value], sort_keys=False, width=_WIDTH, allow_unicode=True, default_flow_style=None)
    return [f"{indent}{line}" for line in text.splitlines()]


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """A text that cannot end a comment."""
    return "".join(char if char.isprintable() else " " for char in text)
