"""Cloud Storage through Google's own client, found by ``STORAGE_EMULATOR_HOST`` alone."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.cloud import bigquery, storage
from google.cloud.storage import transfer_manager
from google.oauth2 import service_account

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity("storage:JSON API, storage:XML API", "exact")

KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encryption = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    info = {
        "type": "service_account",
        "client_email": "signer@p.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "private_key_id": "k",
        "token_uri": "https://oauth2.invalid/token",
    }
    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(info))
    return path


@pytest.fixture(scope="module")
def sim(key_file: Path) -> Iterator[Simulator]:
    with Simulator(Settings(project="p", jwt_keys=key_file)) as started:
        yield started


@pytest.fixture
def client(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Client]:
    for name, value in sim.environment().items():
        monkeypatch.setenv(name, value)
    with storage.Client() as made:
        yield made


@pytest.fixture
def bucket(client: storage.Client, request: pytest.FixtureRequest) -> storage.Bucket:
    name = request.node.name.partition("[")[0].replace("_", "-")
    found = client.lookup_bucket(name)
    if found is not None:
        found.delete(force=True)
    return client.create_bucket(name, location="EU")


def test_buckets(client: storage.Client) -> None:
    made = client.create_bucket("the-bucket", location="europe-west1")
    assert (made.location, made.location_type, made.storage_class) == ("EUROPE-WEST1", "region", "STANDARD")
    assert made.metageneration == 1
    made.labels = {"team": "a", "stage": "test"}
    made.patch()
    made.labels = {"team": "b"}
    made.patch()
    again = client.get_bucket("the-bucket")
    assert (again.labels, again.metageneration) == ({"team": "b"}, 3)
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("the-bucket")
    with pytest.raises(exceptions.PreconditionFailed):
        again.patch(if_metageneration_match=1)
    again.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict, match="The bucket you tried to delete is not empty"):
        again.delete()
    assert "the-bucket" in [b.name for b in client.list_buckets(prefix="the-")]
    again.delete(force=True)
    assert client.lookup_bucket("the-bucket") is None
    with pytest.raises(exceptions.BadRequest, match="Invalid bucket name"):
        client.create_bucket("No")
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.bucket("the-bucket").blob("x").upload_from_string("x")


def test_uploads_of_each_kind(bucket: storage.Bucket, tmp_path: Path) -> None:
    small = bucket.blob("small.txt")
    small.metadata = {"colour": "green"}
    small.cache_control = "no-store"
    small.upload_from_string("some text", content_type="text/plain")
    found = bucket.get_blob("small.txt")
    assert (found.size, found.content_type, found.metadata) == (9, "text/plain", {"colour": "green"})
    assert found.md5_hash == base64.b64encode(hashlib.md5(b"some text").digest()).decode()
    content = bytes(i * 7 % 256 for i in range(2 * MIB + 5))
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    bucket.blob("whole.bin").upload_from_filename(path)
    bucket.blob("chunks.bin", chunk_size=256 * KIB).upload_from_filename(path)
    bucket.blob("unknown.bin", chunk_size=512 * KIB).upload_from_file(_Endless(content))
    for name in ("whole.bin", "chunks.bin", "unknown.bin"):
        assert bucket.blob(name).download_as_bytes() == content
    with bucket.blob("written.txt").open("w") as out:
        out.write("a line\n")
    with bucket.blob("written.txt").open("r") as stream:
        assert stream.read() == "a line\n"
    bucket.blob("empty").upload_from_string("")
    assert bucket.blob("empty").download_as_bytes() == b""


class _Endless(io.BytesIO):
    """A stream that does not tell how long it is."""

    def seekable(self) -> bool:
        return False


def test_parts_at_once(bucket: storage.Bucket, tmp_path: Path) -> None:
    content = bytes(i * 11 % 256 for i in range(11 * MIB))
    path, back = tmp_path / "big.bin", tmp_path / "back.bin"
    path.write_bytes(content)
    blob = bucket.blob("big.bin")
    options: dict[str, Any] = {"max_workers": 2, "worker_type": transfer_manager.THREAD}
    transfer_manager.upload_chunks_concurrently(str(path), blob, chunk_size=5 * MIB, **options)
    transfer_manager.download_chunks_concurrently(blob, str(back), chunk_size=4 * MIB, **options)
    assert back.read_bytes() == content


def test_ranges_and_what_is_not_there(bucket: storage.Bucket) -> None:
    blob = bucket.blob("ten")
    blob.upload_from_string("0123456789")
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    assert blob.download_as_bytes(start=7) == b"789"
    assert blob.download_as_bytes(start=-3) == b"789"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=10)
    with pytest.raises(exceptions.NotFound, match=f"No such object: {bucket.name}/nine"):
        bucket.blob("nine").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        bucket.blob("nine").delete()
    assert bucket.get_blob("nine") is None


def test_lists(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a.csv", "b/", "b/1.csv", "b/2.json", "b/c/3.csv", "d.csv"):
        bucket.blob(name).upload_from_string(name)

    def names(**options: Any) -> tuple[list[str], list[str]]:
        found = client.list_blobs(bucket, **options)
        return [blob.name for blob in found], sorted(found.prefixes)

    assert names() == (["a.csv", "b/", "b/1.csv", "b/2.json", "b/c/3.csv", "d.csv"], [])
    assert names(delimiter="/") == (["a.csv", "d.csv"], ["b/"])
    assert names(delimiter="/", include_trailing_delimiter=True) == (["a.csv", "b/", "d.csv"], ["b/"])
    assert names(prefix="b/", delimiter="/") == (["b/", "b/1.csv", "b/2.json"], ["b/c/"])
    assert names(prefix="b/", page_size=1, delimiter="/") == (["b/", "b/1.csv", "b/2.json"], ["b/c/"])
    assert names(start_offset="b/2.json", end_offset="d.csv") == (["b/2.json", "b/c/3.csv"], [])
    assert names(match_glob="*.csv") == (["a.csv", "d.csv"], [])
    assert names(match_glob="b/**/*.{csv,txt}") == (["b/1.csv", "b/c/3.csv"], [])
    assert names(max_results=2) == (["a.csv", "b/"], [])
    assert [b.name for b in client.list_blobs(bucket, prefix="a", fields="items(name),nextPageToken")]


def test_compose_copy_and_rewrite(client: storage.Client, bucket: storage.Bucket) -> None:
    parts = [bucket.blob(f"part{i}") for i in range(3)]
    for part in parts:
        part.upload_from_string(part.name, content_type="text/plain")
    whole = bucket.blob("whole")
    whole.content_type = "text/csv"
    whole.compose(parts)
    assert whole.download_as_bytes() == b"part0part1part2"
    whole.reload()
    assert (whole.component_count, whole.md5_hash, whole.content_type) == (3, None, "text/csv")
    with pytest.raises(exceptions.NotFound):
        whole.compose([bucket.blob("none")])
    copied = bucket.copy_blob(parts[0], bucket, "copied")
    assert (copied.download_as_bytes(), copied.content_type) == (b"part0", "text/plain")
    target = bucket.blob("rewritten")
    assert target.rewrite(whole) == (None, 15, 15)
    target.update_storage_class("NEARLINE")
    target.reload()
    assert target.storage_class == "NEARLINE"
    renamed = bucket.rename_blob(copied, "renamed")
    assert renamed.exists() and not copied.exists()


def test_generations_are_preconditions(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string("1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("x").upload_from_string("2", if_generation_match=0)
    first = blob.generation
    bucket.blob("x").upload_from_string("2", if_generation_match=first)
    blob = bucket.get_blob("x")
    assert blob.generation > first
    for wrong in ({"if_generation_match": first}, {"if_metageneration_match": 7}):
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("x").delete(**wrong)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("x", generation=first).download_as_bytes()
    blob.metadata = {"k": "v"}
    blob.patch(if_metageneration_match=1)
    assert blob.metageneration == 2
    with pytest.raises(exceptions.NotModified):
        bucket.blob("x").reload(if_generation_not_match=blob.generation)
    blob.delete(if_generation_match=blob.generation)
    assert not bucket.blob("x").exists()


@pytest.mark.fidelity("storage:versions", "exact")
def test_versions(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.versioning_enabled = True
    bucket.patch()
    blob = bucket.blob("v")
    generations = []
    for text in ("1", "2"):
        blob.upload_from_string(text)
        generations.append(blob.generation)
    bucket.blob("v").delete()
    assert list(client.list_blobs(bucket)) == []
    kept = list(client.list_blobs(bucket, versions=True))
    assert [blob.generation for blob in kept] == generations
    assert all(blob.time_deleted is not None for blob in kept)
    assert bucket.blob("v", generation=generations[0]).download_as_bytes() == b"1"
    bucket.copy_blob(kept[1], bucket, "v", source_generation=generations[1])
    assert bucket.blob("v").download_as_bytes() == b"2"
    for version in client.list_blobs(bucket, versions=True):
        version.delete()
    bucket.delete()


def test_wrong_checksums_are_refused(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.md5_hash = "AAAAAAAAAAAAAAAAAAAAAA=="
    with pytest.raises(exceptions.BadRequest, match="doesn't match calculated MD5 hash"):
        blob.upload_from_string("text", checksum=None)
    assert not blob.exists()


def test_gzip_is_unpacked_for_who_does_not_take_it(bucket: storage.Bucket) -> None:
    blob = bucket.blob("packed")
    blob.content_encoding = "gzip"
    packed = gzip.compress(b"text " * 1000)
    blob.upload_from_string(packed, content_type="text/plain")
    assert blob.download_as_bytes() == b"text " * 1000
    assert blob.download_as_bytes(raw_download=True) == packed


@pytest.mark.fidelity("storage:IAM policies", "approximated", "They are kept and shown, not enforced.")
def test_batches_and_policies(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in "abc":
        bucket.blob(name).upload_from_string(name)
    with client.batch():
        for name in "ab":
            bucket.blob(name).delete()
    assert [blob.name for blob in client.list_blobs(bucket)] == ["c"]
    policy = bucket.get_iam_policy()
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": ["user:a@example.com"]})
    bucket.set_iam_policy(policy)
    assert policy.bindings[-1] in [
        dict(b, members=list(b["members"])) for b in bucket.get_iam_policy().bindings
    ]
    assert bucket.test_iam_permissions(["storage.objects.get"]) == ["storage.objects.get"]


def _status(url: str, verb: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, data, headers, method=verb)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.fidelity("storage:signed URLs", "exact")
@pytest.mark.parametrize("version", ["v2", "v4"])
def test_signed_urls(key_file: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    credentials = service_account.Credentials.from_service_account_file(str(key_file))
    with Simulator(Settings(project="p", jwt_keys=key_file)) as sim:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", sim.url)
        common: dict[str, Any] = {
            "version": version,
            "expiration": dt.timedelta(hours=2),
            "credentials": credentials,
            "api_access_endpoint": sim.url,
        }
        with storage.Client() as client:
            blob = client.create_bucket("signed-bucket").blob("a folder/ü.txt")
            put = blob.generate_signed_url(method="PUT", content_type="text/plain", **common)
            get = blob.generate_signed_url(response_disposition="attachment", **common)
            begin = blob.generate_signed_url(method="RESUMABLE", **common)
        assert _status(put, "PUT", b"content", **{"Content-Type": "text/plain"})[0] == 200
        assert _status(get) == (200, "content")
        status, text = _status(get.replace("folder", "drawer"))
        assert (status, "<Code>SignatureDoesNotMatch</Code>" in text) == (403, True)
        assert _status(begin, "POST", b"", **{"x-goog-resumable": "start", "Content-Type": ""})[0] == 201
        sim.clock.advance("2h 1m")
        status, text = _status(get)
        assert (status, "<Code>ExpiredToken</Code>" in text) == (400, True)


def test_load_and_extract(sim: Simulator, bucket: storage.Bucket) -> None:
    bucket.blob("in/one.csv").upload_from_string("1,a\n2,b\n")
    bucket.blob("in/two.csv").upload_from_string("3,c\n")
    with sim.client() as client:
        client.create_dataset("d", exists_ok=True)
        fields = [bigquery.SchemaField("id", "INT64"), bigquery.SchemaField("name", "STRING")]
        config = bigquery.LoadJobConfig(schema=fields)
        job = client.load_table_from_uri(f"gs://{bucket.name}/in/*.csv", "p.d.t", job_config=config)
        assert job.result(timeout=60).output_rows == 3
        client.extract_table("p.d.t", f"gs://{bucket.name}/out/*.csv").result(timeout=60)
    found = list(bucket.client.list_blobs(bucket, prefix="out/"))
    lines = "".join(blob.download_as_text() for blob in found).split()
    assert sorted(lines) == ["1,a", "2,b", "3,c", "id,name"]
