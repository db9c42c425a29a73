"""Which uploads paths ask for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.http import Head
from bqsim.server.rest.answering import Answering
from bqsim.server.rest.media import MediaUploads, begun
from bqsim.server.rest.methods import Match
from bqsim.server.rest.reply import Reply

JOBS = "bigquery/v2/projects/p/jobs"


class App(Answering):
    def __init__(self) -> None:
        nothing: Any = None
        super().__init__(nothing)

    def service(self, first: str) -> Any:
        async def handle(path: str, query: dict[str, str], http: Any) -> str:
            return first

        return handle

    async def answer(self, reply: Reply, query: dict[str, str], http: Any) -> Any:
        return reply.body

    def defect(self, error: Exception, http: Any) -> Reply:
        raise error


class Sessions:
    async def proceed(self, upload_id: str, http: Any) -> Reply:
        return Reply({"proceeds": upload_id})


class Uploads(MediaUploads):
    def __init__(self) -> None:
        super().__init__(App())
        sessions: Any = Sessions()
        self.sessions = sessions

    async def multipart(self, match: Match, query: dict[str, str], http: Any) -> Reply:
        return Reply({"multipart": match.method.id})

    async def begin(self, match: Match, query: dict[str, str], http: Any, path: str) -> Reply:
        return Reply({"begins": match.method.id})


def asked(path: str, verb: str = "POST", **query: str) -> Any:
    class Http:
        head = Head(verb, path, {}, 0, "")

    http: Any = Http()
    return asyncio.run(Uploads().handle(path, query, http))


INSERT = "bigquery.jobs.insert"


@pytest.mark.parametrize(
    ("path", "verb", "query", "answer"),
    [
        (f"/upload/{JOBS}", "POST", {}, {"multipart": INSERT}),
        (f"/upload/{JOBS}", "POST", {"uploadType": "resumable"}, {"begins": INSERT}),
        (f"/resumable/upload/{JOBS}", "POST", {}, {"begins": INSERT}),
        (f"/resumable/upload/{JOBS}", "POST", {"upload_protocol": "multipart"}, {"multipart": INSERT}),
        ("/upload/projects/p/jobs", "POST", {}, {"multipart": INSERT}),
        (f"/upload/{JOBS}", "PUT", {"upload_id": "x"}, {"proceeds": "x"}),
        ("/upload/storage/v1/b/x/o", "POST", {}, "storage"),
        ("/resumable/upload/b/x/o", "POST", {}, "storage"),
    ],
)
def test_paths_tell_the_kind_of_upload(path: str, verb: str, query: dict[str, str], answer: object) -> None:
    assert asked(path, verb, **query) == answer


@pytest.mark.parametrize(
    ("path", "verb", "query", "message"),
    [
        ("/upload/bigquery/v2/projects/p/datasets", "POST", {}, "Not Found"),
        (f"/upload/{JOBS}", "DELETE", {}, "Method DELETE is not allowed"),
        (f"/upload/{JOBS}", "POST", {"uploadType": "media"}, "Upload type media is not supported"),
    ],
)
def test_other_uploads_are_refused(path: str, verb: str, query: dict[str, str], message: str) -> None:
    with pytest.raises(BigQueryError, match=message):
        asked(path, verb, **query)


def test_a_session_is_told_of_by_its_address() -> None:
    headers = begun("http://h/upload/x", "id1").headers
    assert headers["Location"] == "http://h/upload/x?uploadType=resumable&upload_id=id1"
    assert headers["X-GUploader-UploadID"] == "id1"
