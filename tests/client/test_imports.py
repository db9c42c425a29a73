"""What the client imports: nothing of the simulator, of Google's no more than google-auth and protobuf."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import bqclient

PACKAGE = Path(bqclient.__file__).parent
HEAVY = (
    "aiohttp",
    "google.auth",
    "grpc",
    "httpx",
    "opentelemetry",
    "pandas",
    "polars",
    "prometheus_client",
    "pyarrow",
)


def _imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_client_stands_alone() -> None:
    files = [f for f in PACKAGE.rglob("*.py") if not f.name.endswith("_pb2.py")]
    names = {name for file in files for name in _imported(file)}
    assert len(files) > 30
    assert not [n for n in names if n.split(".")[0] in ("bqsim", "googleapiclient", "google_auth_oauthlib")]
    assert {n for n in names if n.startswith("google")} <= {
        n for n in names if n.startswith(("google.auth", "google.protobuf", "google.oauth2"))
    }


def test_a_client_is_made_without_heavy_libraries() -> None:
    code = (
        "import sys, bqclient; "
        "c = bqclient.BigQueryClient(project='p', endpoints=bqclient.Endpoints(rest='http://127.0.0.1:1')); "
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in bqclient.__all__:
        assert getattr(bqclient, name).__doc__, name
