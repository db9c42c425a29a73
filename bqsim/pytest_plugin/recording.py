"""Recording what tests say: ``pytest --bqsim-record=tests/cassettes``.

Every test that has a simulator (the fixture ``bqsim``, or one of the markers) then speaks to it, or to
``--bqsim-upstream``, through a recording proxy, and leaves a cassette of its own: a test is run by one worker
of pytest-xdist, so workers do not meet. :func:`place_of` tells where; the marker ``bqsim_cassette("orders")``
names it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bqsim.record.recording import Recording

MARKER = "bqsim_cassette"
MARKER_TEXT = (
    "bqsim_cassette(name): the test's cassette, which --bqsim-record=FOLDER makes: FOLDER/<name>.cassette."
)
SUFFIX = ".cassette"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run is to record: below ``folder``, from ``upstream`` ('' is the simulator)."""

    folder: Path
    upstream: str = ""
    upstream_grpc: str | None = None
    upstream_storage: str | None = None
    project: str = ""
    policy: Path | None = None


def add_options(group: Any) -> None:
    """The options of recordings."""
    group.addoption(
        "--bqsim-record",
        type=Path,
        metavar="FOLDER",
        help="record what every test says to its simulator, or to --bqsim-upstream: a cassette each",
    )
    group.addoption(
        "--bqsim-upstream",
        metavar="URL",
        help="with --bqsim-record: the REST API that tests speak to, in place of their simulator; "
        "'google' for the service itself",
    )
    group.addoption("--bqsim-upstream-grpc", metavar="HOST:PORT", help="its Storage API")
    group.addoption("--bqsim-upstream-storage", metavar="URL", help="its Cloud Storage")
    group.addoption(
        "--bqsim-upstream-project",
        metavar="PROJECT",
        help="the project there (default: $GOOGLE_CLOUD_PROJECT)",
    )
    group.addoption(
        "--bqsim-record-policy", type=Path, metavar="FILE", help="what recordings leave out, a policy file"
    )


def recorded(config: pytest.Config) -> Recorded | None:
    """What the options ask for; None to record nothing. Raises ``pytest.UsageError``."""
    folder: Path | None = config.getoption("--bqsim-record")
    upstream: str = config.getoption("--bqsim-upstream") or ""
    if folder is None:
        if upstream:
            raise pytest.UsageError("--bqsim-upstream needs --bqsim-record: what is said there is recorded")
        return None
    if upstream == "google":
        from bqsim.record.proxy.routes import BIGQUERY

        upstream = BIGQUERY
    return Recorded(
        folder if folder.is_absolute() else config.invocation_params.dir / folder,
        upstream,
        config.getoption("--bqsim-upstream-grpc"),
        config.getoption("--bqsim-upstream-storage"),
        config.getoption("--bqsim-upstream-project") or os.environ.get("GOOGLE_CLOUD_PROJECT", ""),
        config.getoption("--bqsim-record-policy"),
    )


def place_of(node: Any, folder: Path) -> Path:
    """Where the cassette of a test is below ``folder``.

    ``bqsim_cassette("orders")`` on a test: ``orders.cassette``; on a class or module, whose tests have one
    each: ``orders/<test>.cassette``; without the marker ``<module>/<test>.cassette``. Parameters of a test
    are part of its name.
    """
    found = next(iter(node.iter_markers_with_node(MARKER)), None)
    own = _plain(getattr(node, "originalname", None) or node.name)
    spec = getattr(node, "callspec", None)
    parameters = f"-{_plain(spec.id)}" if spec is not None else ""
    if found is None or not found[1].args:
        module = _plain(Path(node.nodeid.partition("::")[0]).stem)
        classes = [_plain(part) for part in node.nodeid.split("::")[1:-1]]
        return folder.joinpath(module, *classes, f"{own}{parameters}{SUFFIX}")
    name = str(found[1].args[0]).removesuffix(SUFFIX)
    if found[0] is node:
        return folder / f"{name}{parameters}{SUFFIX}"
    return folder / name / f"{own}{parameters}{SUFFIX}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "test"


@contextmanager
def recording_of(asked: Recorded, node: Any, simulator: Any, project: str) -> Iterator[Recording]:
    """Record a test: what it says to ``simulator``, or to the upstream that was asked for."""
    from bqsim.record.recording import recording
    from bqsim.record.redact.policy import Policy

    there = bool(asked.upstream)
    with recording(
        place_of(node, asked.folder),
        mode="rewrite",
        upstream=asked.upstream if there else simulator.url,
        upstream_grpc=asked.upstream_grpc if there else simulator.grpc_target,
        upstream_storage=asked.upstream_storage
        if there
        else simulator.environment()["STORAGE_EMULATOR_HOST"],
        upstream_grpc_tls=None if there else False,
        project=asked.project if there and asked.project else project,
        policy=None if asked.policy is None else Policy.load(asked.policy),
    ) as made:
        yield made
