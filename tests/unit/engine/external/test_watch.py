from __future__ import annotations

import threading

import pytest

from bqsim.engine.external.watch import Watch


@pytest.mark.parametrize(
    ("timeout_s", "cancelled", "expired", "stopped"),
    [(0.0, None, True, False), (60.0, lambda: True, False, True), (0.0, lambda: False, True, False)],
    ids=["late", "cancelled", "late and not cancelled"],
)
def test_it_stops_what_takes_too_long(
    timeout_s: float, cancelled: object, expired: bool, stopped: bool
) -> None:
    ended = threading.Event()
    with Watch(ended.set, timeout_s, cancelled) as watch:  # type: ignore[arg-type]
        assert ended.wait(10)
    assert (watch.expired, watch.stopped) == (expired, stopped)


def test_what_ends_by_itself_is_let_be() -> None:
    ended = threading.Event()
    with Watch(ended.set, 60.0, lambda: False) as watch:
        pass
    assert not ended.is_set()
    assert not (watch.expired or watch.stopped)
