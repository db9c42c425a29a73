"""``bqsim record``: record what an application says to BigQuery, into a cassette."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ending import End

if TYPE_CHECKING:
    from bqsim.record.cassette.cassette import Cassette
    from bqsim.record.recording import Recording

_MIB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``record``."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="the cassette, like tests/orders.cassette")
    add(
        "--mode", choices=("once", "rewrite", "all"), default="once",
        help="of a cassette that is there: refuse, replace it, or add to it (default %(default)s)",
    )  # fmt: skip
    add(
        "--recover", action="store_true",
        help="make the cassette of a recording that was killed, and record nothing",
    )  # fmt: skip
    where = parser.add_argument_group(
        "upstream", "by default what the environment names, or Google's service"
    )
    add = where.add_argument
    add("--upstream", metavar="URL", help="the REST API: http://127.0.0.1:9050 ($BIGQUERY_EMULATOR_HOST)")
    add(
        "--upstream-grpc", metavar="HOST:PORT",
        help="the Storage API ($BIGQUERY_STORAGE_GRPC_ENDPOINT; port 9060 of an emulator)",
    )  # fmt: skip
    add("--upstream-storage", metavar="URL", help="Cloud Storage ($STORAGE_EMULATOR_HOST)")
    add("--upstream-ca", type=Path, metavar="FILE", help="authorities to trust upstream, PEM")
    add("--upstream-insecure", action="store_true", help="trust any certificate upstream")
    add(
        "--upstream-grpc-tls", action=argparse.BooleanOptionalAction,
        help="speak gRPC by TLS upstream, or not (by default on port 443)",
    )  # fmt: skip
    here = parser.add_argument_group("proxy", "where the application connects")
    add = here.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="REST port (default: a free one)")
    add("--grpc-port", type=int, default=0, help="gRPC port (default: a free one)")
    add("--tls", action="store_true", help="listen by TLS, with a certificate made now (bqsim[crypto])")
    add("--tls-certificate", type=Path, metavar="FILE", help="listen by TLS with this certificate, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    kept = parser.add_argument_group("cassette", "what is kept, and how")
    add = kept.add_argument
    add("--policy", type=Path, metavar="FILE", help="what is removed before it reaches the disk")
    add(
        "--name", action="append", default=[], metavar="NAME=TEXT", type=_pair,
        help="TEXT (a dataset, a bucket) is written as the symbol NAME; may be given again",
    )  # fmt: skip
    add(
        "--keep-bytes", type=_size, default=8 * _MIB, metavar="SIZE",
        help="of longer bodies only size and digest are kept: 8MiB, 100KB, all (default 8MiB)",
    )  # fmt: skip
    parser.add_argument(
        "words", nargs="*", metavar="-- COMMAND",
        help="what to run, with the environment variables that point clients to the proxy; without one the "
        "proxy runs until it is told to stop (SIGTERM, SIGINT)",
    )  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (name and found and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=TEXT")
    return name, value


def _size(text: str) -> int | None:
    if text == "all":
        return None
    units = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9, "b": 1}
    lower = text.lower()
    unit = next((u for u in units if lower.endswith(u)), "")
    number = lower.removesuffix(unit).strip()
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no size, like 8MiB")
    return int(number) * units.get(unit, 1)


def run(given: argparse.Namespace) -> int:
    """Record; the command's exit code, 1 when the recording cannot be made."""
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.record.recording import finish_left, unfinished

    try:
        policy = _policy(given.policy)
        if given.recover:
            cassette = finish_left(given.out, policy=policy)
            _say(f"recovered {_told(cassette)}")
            return 0
        left = unfinished(given.out)
        if left is not None:
            _say(f"a recording into {left} did not end: finish it with --recover, or delete the folder")
            return 1
        return _record(given, policy)
    except (OSError, CassetteError, ValueError, ModuleNotFoundError) as error:
        _say(f"cannot record: {error}")
        return 1


def _policy(path: Path | None) -> Any:
    from bqsim.record.redact.policy import Policy

    return None if path is None else Policy.load(path)


def _record(given: argparse.Namespace, policy: Any) -> int:
    from bqsim.record.recording import Upstreams, recording

    # Signals ask for the end of the recording, not of the process.
    end = End(_say)
    to = Upstreams.of(given.upstream, given.upstream_grpc, given.upstream_storage, os.environ)
    with (
        end,
        recording(
            given.out,
            mode=given.mode,
            upstream=to.rest,
            upstream_grpc=to.grpc,
            upstream_storage=to.storage,
            policy=policy,
            names=dict(given.name),
            keep_bytes=given.keep_bytes,
            host=given.host,
            port=given.port,
            grpc_port=given.grpc_port,
            tls=_tls(given),
            upstream_ca=given.upstream_ca,
            verify=not given.upstream_insecure,
            upstream_grpc_tls=given.upstream_grpc_tls,
        ) as made,
    ):
        code = end.run(given.words, made.environment()) if given.words else _serve(made, end)
    if made.cassette is not None:
        _say(f"recorded {_told(made.cassette)}")
    return code


def _tls(given: argparse.Namespace) -> Any:
    if given.tls_certificate is None:
        if given.tls_key is not None:
            raise ValueError("--tls-key is the key of --tls-certificate, which is missing")
        return given.tls
    from bqsim.record.proxy import Certificate

    return Certificate(given.tls_certificate, given.tls_key or given.tls_certificate, given.tls_certificate)


def _serve(made: Recording, end: End) -> int:
    lines = [f"bqsim records: REST {made.url} and gRPC {made.grpc_target}"]
    lines += [f"export {name}={value}" for name, value in made.environment().items()]
    print("\n".join(lines), flush=True)
    end.asked.wait()
    return 0


def _told(cassette: Cassette) -> str:
    count = len(cassette)
    return f"{count} {'operation' if count == 1 else 'operations'} into {cassette.folder}"


def _say(text: str) -> None:
    print(f"bqsim record: {text}", file=sys.stderr, flush=True)
