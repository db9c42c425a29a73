"""Access control lists, policies, notifications, HMAC keys and soft deletion through google-cloud-storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import storage

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "storage:access control lists",
        "approximated",
        "They are kept and shown, predefined ones too; nothing is refused for them.",
        tests="test_lists_* test_predefined_* test_public_* test_uniform_*",
    ),
    pytest.mark.fidelity(
        "storage:IAM policies", "approximated", "They are kept and shown.", tests="test_policies_*"
    ),
    pytest.mark.fidelity(
        "storage:notifications", "approximated", "They are kept; nothing is sent.", tests="test_notif*"
    ),
    pytest.mark.fidelity("storage:HMAC keys", "exact", tests="test_hmac_*"),
    pytest.mark.fidelity("storage:soft delete", "exact", tests="test_deleted_* test_soft_*"),
]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
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
    return client.lookup_bucket(name) or client.create_bucket(name)


def test_lists_of_a_bucket(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.acl.reload()
    assert sorted(e["role"] for e in bucket.acl) == ["OWNER", "OWNER", "READER"]
    bucket.acl.user("a@example.com").grant_write()
    bucket.acl.save()
    again = client.get_bucket(bucket.name)
    again.acl.reload()
    assert {"entity": "user-a@example.com", "role": "WRITER"} in list(again.acl)
    again.default_object_acl.all().grant_read()
    again.default_object_acl.save()
    blob = bucket.blob("x")
    blob.upload_from_string("x")
    blob.acl.reload()
    assert {"entity": "allUsers", "role": "READER"} in list(blob.acl)
    with pytest.raises(exceptions.BadRequest, match="Invalid value for role"):
        again.default_object_acl.save([{"entity": "allUsers", "role": "WRITER"}])


def test_predefined_lists(client: storage.Client, bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string("x", predefined_acl="publicRead")
    assert list(bucket.get_blob("x").acl) == [{"entity": "allUsers", "role": "READER"}]
    blob.acl.save_predefined("private")
    blob.acl.reload()
    assert list(blob.acl) == []
    made = client.create_bucket(
        "predefined-2", predefined_acl="publicRead", predefined_default_object_acl="private"
    )
    made.acl.reload()
    assert list(made.acl) == [{"entity": "allUsers", "role": "READER"}]
    with pytest.raises(exceptions.BadRequest, match="Invalid argument"):
        client._connection.api_request(
            "POST", "/b", {"project": "p", "predefinedAcl": "nothing"}, {"name": "predefined-3"}
        )


def test_public_objects(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a/b")
    blob.upload_from_string("x")
    blob.make_public()
    assert {"entity": "allUsers", "role": "READER"} in list(bucket.get_blob("a/b").acl)
    blob.make_private()
    again = bucket.get_blob("a/b")
    again.acl.reload()
    assert "allUsers" not in [e["entity"] for e in again.acl]


def test_uniform_access_has_no_lists(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string("x")
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.patch()
    for holder in (bucket, blob):
        with pytest.raises(exceptions.BadRequest, match="uniform bucket-level access is enabled"):
            holder.acl.reload()


def test_policies_of_objects(bucket: storage.Bucket) -> None:
    blob = bucket.blob("x")
    blob.upload_from_string("x")
    policy = blob.get_iam_policy()
    assert policy.bindings[0]["role"] == "roles/storage.legacyObjectOwner"
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"user:a@example.com"}})
    blob.set_iam_policy(policy)
    assert blob.get_iam_policy().bindings[-1]["members"] == {"user:a@example.com"}
    assert blob.test_iam_permissions(["storage.objects.get"]) == ["storage.objects.get"]
    assert bucket.test_iam_permissions(["storage.buckets.get"]) == ["storage.buckets.get"]


def test_notifications(bucket: storage.Bucket) -> None:
    assert list(bucket.list_notifications()) == []
    made = bucket.notification(
        topic_name="topic-one",
        topic_project="some-project",
        event_types=["OBJECT_FINALIZE"],
        blob_name_prefix="in/",
    )
    made.create()
    assert made.notification_id == "1"
    [found] = bucket.list_notifications()
    assert (found.topic_name, found.event_types, found.blob_name_prefix, found.payload_format) == (
        "topic-one",
        ["OBJECT_FINALIZE"],
        "in/",
        "NONE",
    )
    bucket.labels = {"a": "b"}
    bucket.update()
    assert bucket.get_notification("1").event_types == ["OBJECT_FINALIZE"]
    made.delete()
    assert list(bucket.list_notifications()) == []
    with pytest.raises(exceptions.NotFound):
        bucket.get_notification("1")


def test_hmac_keys(client: storage.Client) -> None:
    key, secret = client.create_hmac_key("robot@p.iam.gserviceaccount.com", project_id="p")
    assert (key.state, len(secret), len(key.access_id)) == ("ACTIVE", 40, 61)
    [found] = client.list_hmac_keys(project_id="p")
    assert found.access_id == key.access_id
    with pytest.raises(exceptions.BadRequest, match="Cannot delete keys in 'ACTIVE' state"):
        key.delete()
    key.state = "INACTIVE"
    key.update()
    assert client.get_hmac_key_metadata(key.access_id, project_id="p").state == "INACTIVE"
    key.delete()
    assert list(client.list_hmac_keys(project_id="p")) == []
    assert [k.state for k in client.list_hmac_keys(project_id="p", show_deleted_keys=True)] == ["DELETED"]
    with pytest.raises(exceptions.NotFound):
        client.get_hmac_key_metadata("GOOG1ENONE", project_id="p")


def test_deleted_objects_are_restored(sim: Simulator, client: storage.Client, bucket: storage.Bucket) -> None:
    assert bucket.soft_delete_policy.retention_duration_seconds == 7 * 86_400
    blob = bucket.blob("a/x")
    blob.upload_from_string("first", content_type="text/plain")
    first = blob.generation
    blob.upload_from_string("second")
    blob.delete()
    assert list(client.list_blobs(bucket)) == []
    kept = list(client.list_blobs(bucket, soft_deleted=True))
    assert [(b.name, b.generation == first) for b in kept] == [("a/x", True), ("a/x", False)]
    assert kept[0].soft_delete_time is not None and kept[0].hard_delete_time > kept[0].soft_delete_time
    assert bucket.get_blob("a/x", generation=first, soft_deleted=True).size == 5
    restored = bucket.restore_blob("a/x", generation=first)
    assert restored.generation > kept[1].generation
    again = bucket.get_blob("a/x")
    assert (again.download_as_bytes(), again.content_type) == (b"first", "text/plain")
    with pytest.raises(exceptions.NotFound):
        bucket.restore_blob("a/x", generation=1)
    sim.clock.advance("8d")
    assert list(client.list_blobs(bucket, soft_deleted=True)) == []


def test_soft_deletion_is_turned_off(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.soft_delete_policy.retention_duration_seconds = 0
    bucket.patch()
    bucket.blob("x").upload_from_string("x")
    bucket.blob("x").delete()
    with pytest.raises(exceptions.BadRequest, match="Soft delete policy is required"):
        list(client.list_blobs(bucket, soft_deleted=True))


def test_objects_are_moved(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.metadata = {"k": "v"}
    blob.upload_from_string("text")
    moved = bucket.move_blob(blob, "b")
    assert (moved.name, moved.metadata, moved.download_as_bytes()) == ("b", {"k": "v"}, b"text")
    assert bucket.get_blob("a") is None


def test_a_retention_policy_is_locked(bucket: storage.Bucket) -> None:
    bucket.retention_period = 60
    bucket.patch()
    bucket.lock_retention_policy()
    assert bucket.retention_policy_locked


@pytest.mark.fidelity("storage:other collections", "absent", "They are refused by name.")
@pytest.mark.parametrize("name", ["folders", "managedFolders", "anywhereCaches", "operations"])
def test_other_collections_are_refused_by_name(
    client: storage.Client, bucket: storage.Bucket, name: str
) -> None:
    with pytest.raises(exceptions.GoogleAPICallError, match=rf"storage\.{name} is not implemented by bqsim"):
        client._connection.api_request("GET", f"/b/{bucket.name}/{name}")
