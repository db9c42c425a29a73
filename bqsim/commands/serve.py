"""``bqsim serve``: a simulator on fixed ports."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from bqsim import __version__
from bqsim.settings import AUTH_MODES, BadSetup, Settings

if TYPE_CHECKING:
    from bqsim.sim.scenario.model import Scenario
    from bqsim.simulator import Simulator

# What calls make is mostly dropped by counting: the collector looks seldom, and at little.
COLLECT_AFTER = (20_000, 20, 100)

REST_PORT = 9050
GRPC_PORT = 9060
_AUTH_HELP = "how callers are known: open takes their word, jwt wants signed tokens (default %(default)s)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve``."""
    add = parser.add_argument
    defaults = Settings()
    add("--host", default=defaults.host, help="address to listen on (default %(default)s)")
    add("--port", type=_port, default=REST_PORT, help="REST port, 0 for a free one (default %(default)s)")
    add(
        "--grpc-port", type=_port, default=GRPC_PORT, help="gRPC port, 0 for a free one (default %(default)s)"
    )
    add("--data-dir", type=Path, help="keep data in this directory; in memory without it")
    add("--project", default=defaults.project, help="default project (default %(default)s)")
    add("--location", default=defaults.location, help="default location (default %(default)s)")
    add("--caller", default=defaults.caller, help="e-mail of callers without a token (default %(default)s)")
    add("--seed", type=int, help="seed of ids and draws; a fresh one without it")
    add(
        "--scenario", type=Path, action="append", default=[], metavar="FILE",
        help="a scenario that is in force from the start; may be given again",
    )  # fmt: skip
    add(
        "--fault-ttl", type=_duration, metavar="DURATION",
        help="what is changed over HTTP ends by itself after so long, on servers that several people share",
    )  # fmt: skip
    add("--auth", choices=tuple(AUTH_MODES), default=defaults.auth, help=_AUTH_HELP)
    add("--jwt-keys", type=Path, metavar="FILE", help="keys of --auth jwt: JWKS, PEM or a key file")
    add("--jwt-issuer", action="append", default=[], help="what iss must be; may be given again")
    add("--jwt-audience", action="append", default=[], help="what aud must be; may be given again")
    add("--iam-policy", type=Path, metavar="FILE", help="enforce the IAM policy in this file")
    add(
        "--storage-host", metavar="URL",
        help="another Cloud Storage server, which has the objects of gs:// ($STORAGE_EMULATOR_HOST)",
    )  # fmt: skip
    add("--objects-dir", type=Path, metavar="DIR", help="folder of the buckets; in the data directory if any")
    add("--require-buckets", action="store_true", help="extracts make no buckets: missing ones are not found")
    add("--workers", type=int, default=defaults.workers, help="statements at once (default %(default)s)")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port")
    return port


def _duration(text: str) -> float:
    from bqsim.sim.scenario.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def scenario_from(given: argparse.Namespace) -> Scenario | None:
    """The scenario that the options ask for, with the seed of ``--seed`` if there is one.

    Raises ``ScenarioError``.
    """
    from dataclasses import replace

    from bqsim.server.known import known
    from bqsim.sim.control.loading import together
    from bqsim.sim.scenario.load import load

    if not given.scenario:
        return None
    whole = together([load(path, known()) for path in given.scenario])
    return whole if given.seed is None else replace(whole, seed=given.seed)


def settings_from(given: argparse.Namespace) -> Settings:
    """The settings that the options ask for."""
    return Settings(
        host=given.host,
        port=given.port,
        grpc_port=given.grpc_port,
        data_dir=given.data_dir,
        project=given.project,
        location=given.location,
        caller=given.caller,
        seed=given.seed,
        workers=given.workers,
        auth=given.auth,
        jwt_keys=given.jwt_keys,
        jwt_issuer=tuple(given.jwt_issuer),
        jwt_audience=tuple(given.jwt_audience),
        iam_policy=given.iam_policy,
        fault_ttl_s=given.fault_ttl,
        storage_host=given.storage_host or _storage_elsewhere(given),
        objects_dir=given.objects_dir,
        require_buckets=given.require_buckets,
    )


def _storage_elsewhere(given: argparse.Namespace) -> str | None:
    """The Cloud Storage server that the environment names; None for this one's own address."""
    from urllib.parse import urlsplit

    named = os.environ.get("STORAGE_EMULATOR_HOST")
    if not named:
        return None
    try:
        place = urlsplit(named if "://" in named else f"http://{named}")
        own = place.port == given.port and place.hostname in (given.host, "localhost", "127.0.0.1", "::1")
    except ValueError:
        raise BadSetup(f"STORAGE_EMULATOR_HOST is no address: {named}") from None
    return None if own else named


def run(given: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 1 when it cannot start."""
    # Imports make much and drop little: collecting meanwhile is time lost.
    gc.disable()
    stopped = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopped.set()

    previous = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        return _serve(given, stopped)
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


class _Absent:
    """A finder by which some modules are not installed."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse the names; leave the others to the next finder."""
        if name in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _serve(given: argparse.Namespace, stopped: threading.Event) -> int:
    # Where pandas is installed, pyarrow imports it to recognise its objects. None come up in this process, so
    # that would be a second and 40 MB for nothing.
    sys.meta_path.insert(0, _Absent("pandas"))
    from bqsim.engine.data_dir import DataDirError
    from bqsim.sim.scenario.tree import ScenarioError
    from bqsim.simulator import Simulator

    try:
        simulator = Simulator(settings_from(given), scenario_from(given))
        simulator.start()
    except (OSError, DataDirError, BadSetup, ScenarioError) as e:
        print(f"bqsim: cannot start: {e}", file=sys.stderr)
        return 1
    try:
        # What was made at start stays: the collector need not walk it again and again.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        gc.enable()
        print(ready_text(simulator), flush=True)
        stopped.wait()
    finally:
        gc.unfreeze()
        simulator.stop()
    print("bqsim stopped", flush=True)
    return 0


def ready_text(simulator: Simulator) -> str:
    """What ``serve`` prints when it is ready."""
    return "\n".join(
        [
            f"bqsim {__version__} is ready: REST {simulator.url} and gRPC {simulator.grpc_target}",
            *(f"export {name}={value}" for name, value in simulator.environment().items()),
            f"seed {simulator.seed} (bqsim serve --seed {simulator.seed} repeats it)",
        ]
    )
