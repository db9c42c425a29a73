from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.rayed import Worker, over_ray
from bqsim.rehearse.spreading import Failure
from tests.children import ROOT, output

from .test_spreading import Calls, picky, square, untold


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra bqsim[ray]")
def test_two_workers_of_a_local_ray() -> None:
    """Started here, in a session of their own that ends with the test."""
    found = json.loads(output("tests.unit.rehearse.ray_script").splitlines()[-1])
    assert found["squares"] == [9, 1, 16, 1, 25]
    # Nothing but the loopback address, in IPv4 and as IPv6 maps it.
    assert set(found["addresses"]) <= {"0100007F", "0000000000000000FFFF00000100007F"}
    assert found["told"] == [0, "waiting"], "also while it works"
    assert found["dying"][0] == 1 and found["dying"][1].startswith("its Ray worker ended")
    assert found["same"], "a report does not depend on where its settings were simulated"
    assert found["unsure"], "nor what else could be"
    assert found["stayed"], "a Ray that was joined before stays"
    assert not found["left"], "a Ray of our own ends"


def test_an_error_in_a_worker_goes_to_the_caller() -> None:
    """What an actor does, without an actor."""
    assert Worker((picky, None)).run(1) == 1
    assert Worker((picky, None)).run(2) == Failure("two is too many")


def test_a_worker_tells_how_far_it_is_while_it_works() -> None:
    """What an actor does on its two threads, without an actor."""

    def work(_shared: None, item: str, tell: Callable[[str], None]) -> str:
        before.append(worker.told())
        tell("a little")
        before.append(worker.told())
        tell(item)
        return item

    before: list[str | None] = []
    worker = Worker((work, None))
    assert worker.told() is None
    assert [worker.run("most"), worker.told(), worker.run("all"), worker.told()] == [
        "most",
        "most",
        "all",
        "all",
    ]
    assert before == [None, "a little", None, "a little"]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RehearsalError, match=r"pip install 'bqsim\[ray\]'"):
        dict(over_ray(square, Calls(), [1], 2, untold))


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra bqsim[ray]")
def test_an_address_without_a_ray_is_told_at_once() -> None:
    """In a process of its own: Ray keeps what it was imported with."""
    text = (
        "from bqsim.rehearse.rayed import joined\n"
        "for one in ('127.0.0.1:1', 'ray://[::1]:1', '127.0.0.1:99999', 'somewhere'):\n"
        "    try:\n"
        "        joined(2, one).__enter__()\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    lines = run.stdout.splitlines()
    assert len(lines) == 4, run.stderr
    assert lines[0].startswith("RehearsalError no Ray at 127.0.0.1:1: ")
    assert lines[1].startswith("RehearsalError no Ray at ray://[::1]:1: ")
    assert lines[2].startswith("RehearsalError no Ray at 127.0.0.1:99999: ")
    assert lines[3].startswith("RehearsalError somewhere is no address of a Ray")
