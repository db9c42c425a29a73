"""Google's Node client for Cloud Storage against a running simulator.

Set ``BQSIM_NODE_MODULES`` to a ``node_modules`` folder with ``@google-cloud/storage`` to run it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bqsim.settings import Settings
from bqsim.simulator import Simulator

MODULES = Path(os.environ.get("BQSIM_NODE_MODULES", "node_modules"))
NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("node_cloud_storage.cjs")

pytestmark = [
    pytest.mark.skipif(
        NODE is None or not (MODULES / "@google-cloud" / "storage").is_dir(),
        reason="node and @google-cloud/storage are not here",
    ),
    pytest.mark.fidelity("storage:JSON API", "exact"),
]


def test_buckets_and_objects() -> None:
    assert NODE is not None
    with Simulator(Settings(project="p")) as sim:
        environment = {
            **os.environ,
            "NODE_PATH": str(MODULES.resolve()),
            "METADATA_SERVER_DETECTION": "none",
            "STORAGE_EMULATOR_HOST": sim.url,
        }
        done = subprocess.run(
            [NODE, str(SCRIPT), sim.url],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "location": "EU",
        "text": "some text",
        "part": "text",
        "large": True,
        "colour": "green",
        "names": ["in/large.bin", "in/small.txt"],
        "both": "some textsome text",
        "readers": ["READER"],
        "missing": False,
        "refused": 412,
    }
