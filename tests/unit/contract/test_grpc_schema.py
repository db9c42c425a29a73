import pytest

from bqsim.contract.grpc_schema import problems
from bqsim.server.grpc.methods import METHODS
from bqsim.storage.v1 import read_pb2, stream_pb2

SESSION = "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession"


def session() -> stream_pb2.ReadSession:
    made = stream_pb2.ReadSession(name="s", data_format=stream_pb2.ARROW)
    made.streams.add(name="one")
    return made


def test_what_is_known_is_no_problem() -> None:
    assert problems(SESSION, session().SerializeToString()) == []
    assert all(problems(method.id, b"") == [] for method in METHODS)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        # Field 999 as text, after the session; in the second stream; an enum's value; no message at all.
        (session().SerializeToString() + b"\xba\x3e\x01x", ["the body: ReadSession has no field 999"]),
        (
            session().SerializeToString() + b"\x52\x04\xba\x3e\x01x",
            ["streams[1]: ReadStream has no field 999"],
        ),
        (b"\x18\x63", ["data_format: DataFormat has no value 99"]),
    ],
)
def test_what_no_proto_has_is_named(data: bytes, told: list[str]) -> None:
    assert [str(problem) for problem in problems(SESSION, data)] == told


def test_bytes_that_are_no_message() -> None:
    [problem] = problems(SESSION, b"\xff\xff")
    assert "ReadSession is expected" in problem.what


def test_a_method_that_is_none() -> None:
    with pytest.raises(KeyError):
        problems("nothing", read_pb2.ReadRowsResponse().SerializeToString())
