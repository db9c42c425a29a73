"""A recorder that is killed at any moment leaves no secret on disk, in no form."""

from __future__ import annotations

import base64
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.record.exchanges import JOURNAL
from bqsim.record.recovery import recover
from bqsim.record.redact.packed import unpacked
from tests.unit.record.redact.canaries import canaries, halves

KILLS = int(os.environ.get("BQSIM_KILLS", "1"))
SEED = int(os.environ.get("BQSIM_SEED", "1"))
ROOT = Path(__file__).parents[2]
_PACKED = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd")
# Encoded by threes of bytes: a secret inside a longer text has one of three forms.
_ALIGNMENTS = 3


def record_and_kill(folder: Path, temporary: Path, seed: int, delay_s: float) -> None:
    """Start a recording and kill it ``delay_s`` after it has begun."""
    command = [sys.executable, "-m", "tests.chaos.recording", str(folder), str(seed)]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        time.sleep(delay_s)
        child.kill()


def needles() -> list[bytes]:
    """All canaries and halves of them, plain and in base64."""
    texts: set[bytes] = set()
    for _, secret in canaries().values():
        for part in halves(secret):
            plain = part.encode()
            texts.add(plain)
            texts.add(plain.replace(b"\n", b"\\n"))
            if len(plain) < 12:
                continue
            for shift in range(_ALIGNMENTS):
                # Without the digits that what stands before and behind decides, too.
                coded = base64.b64encode(b"\0" * shift + plain)
                inner = coded[4 if shift else 0 : len(coded) - 4]
                texts |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return sorted(texts)


def forms(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Bytes, and what they hold compressed."""
    yield data
    if depth < 3:
        for found in _PACKED.finditer(data):
            try:
                inside = unpacked(data[found.start() :])
            except (ValueError, OSError):
                continue
            yield from forms(inside, depth + 1)


def leaked(folder: Path, needles: list[bytes]) -> list[str]:
    """The files below a folder that have a canary, and what of it."""
    left = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        together = b"\0".join(forms(path.read_bytes()))
        left += [f"{path.relative_to(folder)}: {needle[:60]!r}" for needle in needles if needle in together]
    return left


@pytest.mark.fidelity("recording:killed recordings", "exact")
def test_no_secret_is_left_by_a_killed_recorder(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    found = needles()
    exchanges = 0
    for number in range(KILLS):
        place = tmp_path / str(number)
        temporary = place / "temporary"
        temporary.mkdir(parents=True)
        folder = place / "made" / "killed.cassette"
        record_and_kill(folder, temporary, SEED + number, moments.uniform(0, 0.6))
        assert not leaked(place, found), f"kill {number}"
        assert (folder / JOURNAL).exists()
        cassette = recover(folder)
        exchanges += len(cassette)
        assert not leaked(place, found), f"recovery {number}"
        shutil.rmtree(place)
    # Too early a kill finds nothing; not all are that early.
    assert exchanges or KILLS < 3


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    import gzip

    found = needles()
    for name, (_, secret) in canaries().items():
        file = tmp_path / "one"
        for data in (
            secret.encode(),
            gzip.compress(f"x{secret}".encode()),
            base64.b64encode(f"an {secret} and".encode()) if len(secret) >= 24 else secret.encode(),
        ):
            file.write_bytes(b"\0before" + data + b"behind")
            assert leaked(tmp_path, found), name
