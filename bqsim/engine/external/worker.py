"""The process in which JavaScript runs: a script of its own, so that what kills V8 kills only this.

It answers requests on standard input, one after the other, until that closes. A request is a head (JSON: the
function's ``key`` and, when the worker does not know it, its ``spec`` and ``setup``) and the batch; an answer
is a word and a text: ``ok`` and the results, ``error`` and V8's account of an exception, ``unknown`` key,
``memory``. Both parts of each are preceded by their lengths.
"""

from __future__ import annotations

import contextlib
import json
import struct
import sys
from collections import OrderedDict
from typing import IO, Any

LENGTHS = struct.Struct("<QQ")
# Isolates that are kept; the one used longest ago goes first.
MAX_ISOLATES = 16


def send(stream: IO[bytes], head: bytes, body: bytes) -> None:
    """Write one message."""
    stream.write(LENGTHS.pack(len(head), len(body)))
    stream.write(head)
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Read one message; None at the end."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    return stream.read(head), stream.read(body)


def main() -> None:
    """Serve until standard input closes."""
    _be_killed_first()
    from py_mini_racer import JSEvalException, JSOOMException, MiniRacer

    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    isolates: OrderedDict[str, tuple[Any, Any]] = OrderedDict()
    while (message := receive(requests)) is not None:
        head = json.loads(message[0])
        key = head["key"]
        if key not in isolates and "spec" not in head:
            send(answers, b"unknown", b"")
            continue
        try:
            if key not in isolates:
                isolates[key] = _isolate(MiniRacer, head)
                if len(isolates) > MAX_ISOLATES:
                    isolates.popitem(last=False)[1][0].close()
            isolates.move_to_end(key)
            text = isolates[key][1](message[1].decode())
            send(answers, b"ok", text.encode())
        except JSOOMException:
            isolates.pop(key, None)
            send(answers, b"memory", b"")
        except JSEvalException as error:
            send(answers, b"error", str(error).encode("utf-8", "replace"))


def _isolate(make: Any, head: Any) -> tuple[Any, Any]:
    isolate = make()
    isolate.set_hard_memory_limit(head["memory"])
    runtime = isolate.eval(head["runtime"])
    for library in head["setup"]:
        isolate.eval(library)
    return isolate, runtime(head["spec"])


def _be_killed_first() -> None:
    """When memory runs out, the system takes this process, not the server."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
