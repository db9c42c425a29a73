"""A recording proxy in a process of its own, for measurements.

    python -m tests.bench.recorded PORT GRPC_PORT UPSTREAM UPSTREAM_GRPC [--out FOLDER]

Without ``--out`` nothing listens to what passes.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from bqsim.record.proxy import RecordingProxy
from bqsim.record.proxy.forward import Unheard


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("grpc_port", type=int)
    parser.add_argument("upstream")
    parser.add_argument("upstream_grpc")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.out is None:
        tap = Unheard()
    else:
        from bqsim.record.recorder import Recorder

        tap = Recorder(given.out, upstream=given.upstream)  # type: ignore[assignment]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    ports = {"port": given.port, "grpc_port": given.grpc_port}
    with RecordingProxy(tap, given.upstream, given.upstream_grpc, **ports, upstream_grpc_tls=False):
        stopped.wait()


if __name__ == "__main__":
    main()
