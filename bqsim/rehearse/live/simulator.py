"""What a simulator at the endpoint is told and asked about its capacity and its clock."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.grid import Setting

_ASK_S = 10.0
# With its first capacity a simulator may compile the model of slots, once for an installation.
_COMPILE_S = 300.0


def check_answers(url: str) -> None:
    """Raise :class:`RehearsalError` when nobody listens at an endpoint."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_ASK_S).close()
    except OSError as error:
        told = error.strerror or str(error)
        raise RehearsalError(f"nothing answers at {url}: {told}; bqsim serve starts a simulator") from None


def _control(url: str, verb: str, path: str, body: Any = None, *, within_s: float = _ASK_S) -> dict[str, Any]:
    """An answer of a simulator's control API. Raises OSError and ValueError."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{url.rstrip('/')}/bqsim/v1/{path}", data, method=verb)
    with urlopen(request, timeout=within_s) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def asked(url: str, path: str) -> dict[str, Any] | None:
    """What a simulator tells; None of what is no simulator."""
    try:
        return _control(url, "GET", path)
    except (OSError, ValueError):
        return None


def apply(url: str, setting: Setting, speed: float) -> None:
    """Put a setting's capacity in force, and the clock at the speed of the sends. Raises
    :class:`RehearsalError`."""
    from bqsim.sim.scenario.dump import to_dict
    from bqsim.sim.scenario.model import Scenario

    try:
        described = to_dict(Scenario(capacity=setting.capacity))
        _control(url, "PUT", "capacity", described, within_s=_COMPILE_S)
        _control(url, "POST", "clock", {"scale": speed})
    except HTTPError as error:
        told = error.read().decode(errors="replace")[:300]
        raise RehearsalError(f"{url} does not take the capacity of the plan: {told}") from None
    except (OSError, ValueError) as error:
        raise RehearsalError(f"{url} does not take the capacity of the plan: {error}") from None


def differences(url: str, setting: Setting, speed: float, rate: float) -> Iterator[str]:
    """How a simulator differs from the plan; ``rate`` is its clock's. Nothing of what is no simulator."""
    from bqsim.sim.scenario.dump import to_dict

    slots = asked(url, "capacity")
    if slots is None:
        return
    if rate != speed:
        yield (
            f"the simulator's clock runs at {rate:g}×, jobs are sent at {speed:g}×: against their "
            f"arrivals, jobs take {speed / rate:.3g} times as long as planned (see --apply)"
        )
    if not slots.get("enforced"):
        yield "no capacity is in force at the simulator: its jobs run as fast as they can (see --apply)"
    elif slots.get("capacity") != to_dict(setting.capacity):
        yield "the simulator has another capacity than the setting (see --apply)"
