"""``bqsim warm``: compile the GoogleSQL analyzer and the slot model ahead of time."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.sql.googlesql.module_cache import cache_directory, engine, load_module


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``warm``."""
    parser.add_argument("--cache-dir", type=Path, help="directory of the compiled analyzer")


def run(given: argparse.Namespace) -> int:
    """Fill the cache; 0 when the analyzer is ready."""
    warm(Settings(cache_dir=given.cache_dir))
    return 0


def warm(settings: Settings) -> None:
    """Fill this user's cache with the compiled analyzer, so that later starts need not compile it; the same
    for the slot model where numba is installed."""
    clock = RealClock()
    begun = clock.now_us()
    directory = cache_directory(settings.cache_dir)
    compiled = False

    def progress(message: str) -> None:
        nonlocal compiled
        compiled = True
        print(message, flush=True)

    load_module(engine(), directory, progress)
    seconds = (clock.now_us() - begun) / 1_000_000
    state = f"compiled in {seconds:.1f} s" if compiled else "ready"
    print(f"GoogleSQL analyzer {state}: {directory}")
    _warm_slots(clock)


def _warm_slots(clock: RealClock) -> None:
    if find_spec("numba") is None:
        return
    from bqsim.sim.slots.world import compile_ahead

    begun = clock.now_us()
    compile_ahead()
    print(f"slot model ready in {(clock.now_us() - begun) / 1_000_000:.1f} s")
