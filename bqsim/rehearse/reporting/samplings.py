"""What samples of workloads hold, in words."""

from __future__ import annotations

from collections.abc import Sequence

from bqsim.rehearse.results import Sampling, SettingResult

from .words import as_share


def notes(results: Sequence[SettingResult]) -> list[str]:
    """A sentence for each sample, once for all settings that have the same."""
    return list(dict.fromkeys(told(one) for result in results for one in result.samples))


def told(one: Sampling) -> str:
    """What a sample holds of what it is about."""
    by = told_by(one.by, one.label)
    whose = "that its users choose from " if one.users_of else ""
    held = [
        f"{one.values:,} of {one.values_of:,} values",
        f"{_share(one.jobs, one.jobs_of)} of the jobs {whose}({one.jobs:,} of {one.jobs_of:,})",
        f"{_share(one.slot_hours, one.slot_hours_of)} of their slot time",
    ]
    if one.users_of:
        held.append(f"{one.users:,} of {one.users_of:,} users")
    return (
        f"the sample of '{one.part}' (change {one.change}: a share of {one.share:g} by {by}) holds "
        f"{', '.join(held[:-1])} and {held[-1]}"
    )


def told_by(by: str, label: str) -> str:
    """What a sample is by."""
    return f"label '{label}'" if by == "label" else by


def _share(part: float, whole: float) -> str:
    return as_share(part / whole, "") if whole else "none"
