"""The yardstick of live rehearsals: a bare aiohttp server that takes jobs and ends them.

    python -m tests.bench.bare_jobs PORT [--run-s S]

Jobs run ``run_s``; with 0 they are over when they are accepted. ``stall_s`` after ``stall_after`` jobs nothing is
answered for so long; ``refusals`` are reasons that the next inserts are refused for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Service:
    """What the server does, and what it was asked."""

    run_s: float = 0.0
    stall_after: int = 0
    stall_s: float = 0.0
    bytes: int = 0
    refusals: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    principals: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    dry_runs: int = 0
    port: int = 0
    _jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _events: dict[str, asyncio.Event] = field(default_factory=dict)
    _stalled_until: float = 0.0

    async def insert(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["configuration"].get("dryRun"):
            self.dry_runs += 1
            return _answer(self._job(body, "DONE", processed=self.bytes))
        self.taken.append(body)
        self.principals.append(request.headers.get("authorization", ""))
        if self.stall_after and len(self.taken) == self.stall_after:
            self._stalled_until = time.monotonic() + self.stall_s
        await asyncio.sleep(max(0.0, self._stalled_until - time.monotonic()))
        if self.refusals:
            reason = self.refusals.pop(0)
            error = {"code": 403, "message": f"it is {reason}", "errors": [{"reason": reason}]}
            return web.json_response({"error": error}, status=403)
        job = self._job(body, "RUNNING" if self.run_s else "DONE")
        if self.run_s:
            job_id = job["jobReference"]["jobId"]
            self._jobs[job_id] = job
            self._events[job_id] = event = asyncio.Event()
            asyncio.get_running_loop().call_later(self.run_s, event.set)
        return _answer(job)

    def _job(self, body: dict[str, Any], state: str, processed: int = 0) -> dict[str, Any]:
        now = int(time.time() * 1000)
        reference = {"location": "US", "jobId": "dry", "projectId": "p", **body.get("jobReference", {})}
        return {
            "kind": "bigquery#job",
            "jobReference": reference,
            "configuration": {"jobType": "QUERY", **body["configuration"]},
            "status": {"state": state},
            "statistics": {
                "creationTime": str(now - 5),
                "startTime": str(now),
                "endTime": str(now + round(self.run_s * 1000)),
                "totalSlotMs": "40",
                "totalBytesProcessed": str(processed),
                "query": {
                    "totalBytesBilled": "1000",
                    "totalSlotMs": "40",
                    "totalBytesProcessed": str(processed),
                },
            },
        }

    async def results(self, request: web.Request) -> web.Response:
        job_id = request.match_info["job"]
        await self._events[job_id].wait()
        self._jobs[job_id]["status"]["state"] = "DONE"
        reference = self._jobs[job_id]["jobReference"]
        body = {"jobReference": reference, "jobComplete": True, "schema": {"fields": []}, "totalRows": "0"}
        return web.json_response(body)

    async def get(self, request: web.Request) -> web.Response:
        return _answer(self._jobs[request.match_info["job"]])

    async def cancel(self, request: web.Request) -> web.Response:
        job_id = request.match_info["job"]
        self.cancelled.append(job_id)
        job = self._jobs[job_id]
        job["status"] |= {
            "errorResult": {"reason": "stopped", "message": "it was cancelled"},
            "state": "DONE",
        }
        self._events[job_id].set()
        return web.json_response({"job": job})

    def application(self) -> web.Application:
        app = web.Application()
        root = "/bigquery/v2/projects/{project}"
        app.router.add_post(f"{root}/jobs", self.insert)
        app.router.add_get(f"{root}/queries/{{job}}", self.results)
        app.router.add_get(f"{root}/jobs/{{job}}", self.get)
        app.router.add_post(f"{root}/jobs/{{job}}/cancel", self.cancel)
        return app

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _answer(body: dict[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), content_type="application/json")


@contextmanager
def serving(**options: Any) -> Iterator[Service]:
    """The server, on a thread of this process."""
    service = Service(**options)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def start() -> web.AppRunner:
        # Calls that hang are not waited for.
        runner = web.AppRunner(service.application(), shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.port = runner.addresses[0][1]
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="bare-jobs")
    thread.start()
    ready.wait()
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--run-s", type=float, default=0.0)
    options = parser.parse_args()
    service = Service(options.run_s)
    # Nothing is kept over a long run.
    service.taken = _Nothing()
    service.principals = _Nothing()
    web.run_app(service.application(), host="127.0.0.1", port=options.port, print=None)


class _Nothing(list[Any]):
    def append(self, _: Any) -> None:
        pass


if __name__ == "__main__":
    main()
