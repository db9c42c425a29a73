"""What Google's client makes of faults of the network, and what they do to batches and uploads."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.sim.scenario.model import Network
from bqsim.sim.scenario.words import NETWORK_FAULTS
from bqsim.simulator import Simulator
from tests.conftest import Http
from tests.gates import befalling

pytestmark = [
    pytest.mark.fidelity(
        "network:{fault.what}, effect:network",
        "exact",
        tests="test_what_the_client_raises test_what_the_client_tries_again",
    ),
    pytest.mark.fidelity("http:uploads", "exact", tests="test_*upload*"),
    pytest.mark.fidelity("http:batch", "exact", tests="test_a_fault_of_one_call*"),
]

QUICK = bigquery.DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.01).with_timeout(20)


@pytest.fixture
def table(rest: Http) -> str:
    rest.dataset()
    rest.table()
    return f"{rest.project}.d.t"


@pytest.fixture
def client(bqsim_server: Simulator, rest: Http) -> Iterator[bigquery.Client]:
    made = bqsim_server.client(rest.project)
    yield made
    made.close()


BROKEN = requests.exceptions.ConnectionError
CUT = requests.exceptions.ChunkedEncodingError
TIMEOUT = requests.exceptions.ReadTimeout
STALLED_BODY = requests.exceptions.ConnectionError
NO_JSON = requests.exceptions.JSONDecodeError
# The client takes the body of an empty answer for a resource.
NO_RESOURCE = TypeError
BAD_GATEWAY = exceptions.BadGateway

# What makes the client try again.
RETRIED = (BROKEN, CUT, TIMEOUT, BAD_GATEWAY)
# Fault -> what one try of the client raises; None: it succeeds.
FAULTS: list[tuple[Network, type[Exception] | None]] = [
    *(
        (Network(what, at), BROKEN if at == "before_headers" else CUT)
        for what in ("reset", "goaway", "rst_stream")
        for at in ("before_headers", "after_headers", "body")
    ),
    (Network("half_close"), BROKEN),
    (Network("half_close", "after_headers"), CUT),
    (Network("half_close", "body", 10), CUT),
    (Network("stall"), TIMEOUT),
    (Network("stall", "after_headers"), STALLED_BODY),
    (Network("stall", "body", 10), STALLED_BODY),
    (Network("stall", for_s=0.01), None),
    (Network("stall", "body", for_s=0.01), None),
    (Network("drip", bytes_per_s=100_000), None),
    (Network("drip", "body", 10, bytes_per_s=100_000), None),
    (Network("truncate"), CUT),
    (Network("truncate", byte=0), CUT),
    (Network("corrupt"), NO_JSON),
    (Network("corrupt", byte=0), NO_JSON),
    (Network("wrong_length"), CUT),
    (Network("wrong_length", byte=10), NO_JSON),
    (Network("wrong_length", byte=100_000, for_s=0.01), CUT),
    (Network("html"), BAD_GATEWAY),
    (Network("empty"), BAD_GATEWAY),
    (Network("empty", "after_headers"), NO_RESOURCE),
    (Network("refused", for_s=0.01), BROKEN),
]


def name_of(value: Any) -> str:
    if not isinstance(value, Network):
        return "success" if value is None else value.__name__
    more = [f"{n}{getattr(value, n)}" for n in ("byte", "for_s") if getattr(value, n) is not None]
    return "-".join([value.what, value.at, *more])


def patience_s(fault: Network) -> float:
    """How long the client waits: short only where it must lose its patience."""
    return 1.0 if fault.what == "stall" else 30.0


def test_every_fault_is_in_the_table() -> None:
    assert {fault.what for fault, _ in FAULTS} == set(NETWORK_FAULTS)


@pytest.mark.parametrize(("fault", "raises"), FAULTS, ids=name_of)
def test_what_the_client_raises(
    bqsim_server: Simulator,
    client: bigquery.Client,
    table: str,
    fault: Network,
    raises: type[Exception] | None,
) -> None:
    with befalling(bqsim_server, fault) as hook:
        if raises is None:
            assert client.get_table(table, retry=None, timeout=30).table_id == "t"
        else:
            with pytest.raises(raises) as raised:
                client.get_table(table, retry=None, timeout=patience_s(fault))
            assert type(raised.value) is raises
    assert hook.calls == 1
    # The next call finds a connection that works.
    assert client.get_table(table, retry=QUICK, timeout=30).table_id == "t"


@pytest.mark.parametrize(
    ("fault", "raises"), [(f, r) for f, r in FAULTS if r is not None and f.what != "refused"], ids=name_of
)
def test_what_the_client_tries_again(
    bqsim_server: Simulator, client: bigquery.Client, table: str, fault: Network, raises: type[Exception]
) -> None:
    with befalling(bqsim_server, fault) as hook:
        if raises in RETRIED:
            assert client.get_table(table, retry=QUICK, timeout=patience_s(fault)).table_id == "t"
        else:
            with pytest.raises(raises):
                client.get_table(table, retry=QUICK, timeout=patience_s(fault))
    assert hook.calls == (2 if raises in RETRIED else 1)


@pytest.mark.parametrize("fault", [f for f, r in FAULTS if r is None], ids=name_of)
def test_without_the_work_no_answer_tells_of_success(
    bqsim_server: Simulator, client: bigquery.Client, table: str, fault: Network
) -> None:
    with (
        befalling(bqsim_server, replace(fault, applied=False)),
        pytest.raises(exceptions.ServiceUnavailable) as raised,
    ):
        client.get_table(table, retry=None, timeout=30)
    assert raised.value.errors[0]["reason"] == "backendError"


@pytest.mark.parametrize("what", ["reset", "truncate", "html"])
@pytest.mark.parametrize("applied", [True, False])
def test_the_work_is_done_or_not(
    bqsim_server: Simulator, client: bigquery.Client, rest: Http, what: str, applied: bool
) -> None:
    dataset = f"{rest.project}.new"
    with befalling(bqsim_server, Network(what, applied=applied), "bigquery.datasets.insert"):
        if applied:
            # The second try finds what the first one made.
            with pytest.raises(exceptions.Conflict):
                client.create_dataset(dataset, retry=QUICK)
        else:
            client.create_dataset(dataset, retry=QUICK)
    assert client.get_dataset(dataset).dataset_id == "new"


def test_a_failed_answer_suffers_too(bqsim_server: Simulator, rest: Http) -> None:
    url = f"{bqsim_server.url}{rest.root}/datasets/no"
    assert requests.get(url, timeout=20).status_code == 404
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, headers={"x-bqsim-fault": "effect: {network: truncate}"}, timeout=20)


def test_an_answer_that_has_not_changed(bqsim_server: Simulator, rest: Http, table: str) -> None:
    etag = rest.call("GET", "/datasets/d/tables/t").headers["etag"]
    with befalling(bqsim_server, Network("empty")):
        answer = rest.call("GET", "/datasets/d/tables/t", headers={"If-None-Match": etag})
    assert (answer.status, answer.data) == (502, b"")


@pytest.mark.parametrize("fault", [Network("corrupt"), Network("truncate")], ids=name_of)
def test_compressed_answers(bqsim_server: Simulator, rest: Http, fault: Network) -> None:
    rest.dataset()
    rest.table(fields=[{"name": f"column_{i}", "type": "STRING"} for i in range(100)])
    url = f"{bqsim_server.url}{rest.root}/datasets/d/tables/t"
    headers = {"User-Agent": "test (gzip)", "Accept-Encoding": "gzip"}
    assert requests.get(url, headers=headers, timeout=20).headers["Content-Encoding"] == "gzip"
    with (
        befalling(bqsim_server, fault),
        pytest.raises(
            (requests.exceptions.ContentDecodingError, requests.exceptions.ChunkedEncodingError)
        ) as raised,
    ):
        requests.get(url, headers=headers, timeout=20)
    decoding = isinstance(raised.value, requests.exceptions.ContentDecodingError)
    assert decoding is (fault.what == "corrupt")


# Batches

BATCH = {"Content-Type": "multipart/mixed; boundary=b"}


def batch(rest: Http, *paths: str) -> bytes:
    parts = [f"--b\r\nContent-Type: application/http\r\n\r\nGET {rest.root}{p}\r\n\r\n" for p in paths]
    return "".join([*parts, "--b--\r\n"]).encode()


def test_a_fault_of_one_call_is_that_of_the_batch(bqsim_server: Simulator, rest: Http, table: str) -> None:
    body = batch(rest, "/datasets", "/datasets/d/tables/t", "/datasets/d")
    with befalling(bqsim_server, Network("reset")) as hook, pytest.raises(ConnectionResetError):
        rest.raw("POST", "/batch/bigquery/v2", body, BATCH)
    assert hook.calls == 1
    rest.connection.close()
    with befalling(bqsim_server, Network("html")):
        assert rest.raw("POST", "/batch/bigquery/v2", body, BATCH).status == 502
    answer = rest.raw("POST", "/batch/bigquery/v2", body, BATCH)
    assert answer.data.count(b"HTTP/1.1 200 OK") == 3


# Uploads

INSERT = "bigquery.jobs.insert"
CSV = b"n,s\n" + b"".join(b"%d,row\n" % i for i in range(20_000))


class Upload:
    """A resumable upload, request by request."""

    def __init__(self, rest: Http) -> None:
        self.rest = rest
        table = {"projectId": rest.project, "datasetId": "d", "tableId": "t"}
        load = {"destinationTable": table, "sourceFormat": "CSV", "skipLeadingRows": 1}
        answer = rest.raw(
            "POST",
            f"/upload{rest.root}/jobs?uploadType=resumable",
            {"configuration": {"load": load}},
            {"X-Upload-Content-Length": str(len(CSV))},
        )
        self.path = "/" + answer.headers["location"].split("/", 3)[3]

    def put(self, start: int, stop: int = len(CSV)) -> Any:
        """Send ``CSV[start:stop]``."""
        content_range = {"Content-Range": f"bytes {start}-{stop - 1}/{len(CSV)}"}
        return self.rest.raw("PUT", self.path, CSV[start:stop], content_range)

    def broken(self, start: int, stop: int = len(CSV)) -> None:
        """Send it on a connection that is reset."""
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            self.put(start, stop)
        self.rest.connection.close()

    def arrived(self) -> int | None:
        """Bytes that have arrived; None when all have."""
        answer = self.rest.raw("PUT", self.path, b"", {"Content-Range": f"bytes */{len(CSV)}"})
        if answer.status == 200:
            return None
        assert answer.status == 308
        found = answer.headers.get("range")
        return int(found.split("-")[1]) + 1 if found else 0

    def loads(self) -> int:
        """Load jobs of the project."""
        jobs = self.rest.call("GET", "/jobs?projection=full").json.get("jobs", [])
        return sum("load" in job["configuration"] for job in jobs)


@pytest.mark.parametrize(
    ("byte", "size"), [(None, len(CSV) // 2), (0, 0), (1000, 1000), (10**9, len(CSV))], ids=str
)
def test_a_reset_in_the_middle_of_a_chunk_keeps_what_arrived(
    bqsim_server: Simulator, rest: Http, table: str, byte: int | None, size: int
) -> None:
    upload = Upload(rest)
    with befalling(bqsim_server, Network("reset", byte=byte, applied=False), INSERT):
        upload.broken(0)
    assert upload.loads() == 0
    if size < len(CSV):
        assert upload.arrived() == size
        assert upload.put(size).status == 200
    assert upload.arrived() is None
    assert upload.loads() == 1


def test_a_reset_of_the_last_chunk(bqsim_server: Simulator, rest: Http, table: str) -> None:
    upload = Upload(rest)
    chunk = 64 * 1024
    assert upload.put(0, chunk).status == 308
    with befalling(bqsim_server, Network("reset", byte=100, applied=False), INSERT):
        upload.broken(chunk)
    assert upload.arrived() == chunk + 100
    # Sent again as a whole, what is there already counts once.
    assert upload.put(chunk).status == 200
    assert upload.loads() == 1


def test_an_upload_whose_answer_is_lost_is_complete(bqsim_server: Simulator, rest: Http, table: str) -> None:
    upload = Upload(rest)
    with befalling(bqsim_server, Network("reset"), INSERT) as hook:
        upload.broken(0)
        assert upload.arrived() is None
    assert hook.calls == 1
    assert upload.loads() == 1


@pytest.mark.parametrize("applied", [True, False])
def test_the_client_goes_on_with_its_upload(
    bqsim_server: Simulator, client: bigquery.Client, rest: Http, table: str, applied: bool
) -> None:
    config = bigquery.LoadJobConfig(source_format="CSV", skip_leading_rows=1)
    # The first call begins the upload.
    with befalling(bqsim_server, Network("reset", applied=applied), INSERT, skip=1):
        job = client.load_table_from_file(io.BytesIO(CSV), table, job_config=config)
    assert job.result().output_rows == 20_000
    assert client.get_table(table).num_rows == 20_000


def test_a_multipart_upload(bqsim_server: Simulator, client: bigquery.Client, table: str) -> None:
    config = bigquery.LoadJobConfig(source_format="CSV", skip_leading_rows=1)
    with befalling(bqsim_server, Network("reset", applied=False), INSERT) as hook:
        job = client.load_table_from_file(io.BytesIO(CSV), table, job_config=config, size=len(CSV))
    assert hook.calls == 2
    assert job.result().output_rows == 20_000


def test_a_multipart_upload_is_reset_while_it_arrives(
    bqsim_server: Simulator, rest: Http, table: str
) -> None:
    head = (
        f"POST /upload{rest.root}/jobs?uploadType=multipart HTTP/1.1\r\nHost: h\r\n"
        "Content-Type: multipart/related; boundary=b\r\nContent-Length: 1000000000\r\n\r\n"
        "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/csv\r\n\r\n"
    )
    with (
        befalling(bqsim_server, Network("reset", applied=False), INSERT) as hook,
        socket.create_connection(("127.0.0.1", bqsim_server.port), timeout=20) as client,
    ):
        client.sendall(head.encode())
        with pytest.raises(ConnectionError):
            while True:
                client.sendall(b"1,row\n" * 10_000)
    assert hook.calls == 1
