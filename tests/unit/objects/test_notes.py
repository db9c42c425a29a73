from __future__ import annotations

from pathlib import Path
from threading import RLock

from bqsim.objects.notes import Notes


def test_maps_are_kept_by_name(tmp_path: Path) -> None:
    notes = Notes(RLock(), lambda: tmp_path)
    assert notes.of("keys") == {}
    assert notes.change("keys", lambda before: {**before, "a": 1}) == {"a": 1}
    notes.change("keys", lambda before: {**before, "b": 2})
    assert Notes(RLock(), lambda: tmp_path).of("keys") == {"a": 1, "b": 2}
    assert notes.of("others") == {}
