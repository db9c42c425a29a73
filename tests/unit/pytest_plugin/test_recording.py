from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bqsim.pytest_plugin.recording import place_of
from bqsim.record.cassette.cassette import Cassette

from .conftest import Run

pytest_plugins = ["pytester"]


def test_every_test_leaves_a_cassette(run: Run, pytester: pytest.Pytester) -> None:
    result = run(
        """
        import os
        import pytest

        @pytest.mark.bqsim_cassette("named")
        @pytest.mark.parametrize("n", [1, 2])
        def test_fixture(bqsim, n):
            bqsim.data({"d.t": [{"x": n}]})
            [row] = bqsim.client().query("SELECT x FROM d.t").to_arrow().to_pylist()
            assert row == {"x": n}
            assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim.url != bqsim.simulator.url
            assert bqsim.journal.calls()

        @pytest.mark.bqsim_cassette("by_environment")
        def test_environment():
            import urllib.request

            url = os.environ["BIGQUERY_EMULATOR_HOST"] + "/bigquery/v2/projects"
            assert b"projectList" in urllib.request.urlopen(url).read()

        def test_plain():
            pass
        """,
        "--bqsim-record=cassettes",
    )
    result.assert_outcomes(passed=4)
    folder = pytester.path / "cassettes"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.cassette"))
    assert names == ["by_environment.cassette", "named-1.cassette", "named-2.cassette"]
    kinds = [operation.kind for operation in Cassette.open(folder / "named-1.cassette").operations()]
    # What fills tables is not said by the test.
    assert kinds == ["query"]
    texts = [(folder / f"named-{n}.cassette" / "operations.txt").read_text() for n in (1, 2)]
    assert "SELECT x FROM d.t" in texts[0]


def test_another_upstream(run: Run, pytester: pytest.Pytester) -> None:
    from bqsim.simulator import start

    with start(project="there") as other:
        result = run(
            """
            def test_there(bqsim):
                client = bqsim.client()
                assert client.project == "there"
                client.create_dataset("made_there")
                assert not bqsim.journal.calls()
            """,
            "--bqsim-record=cassettes",
            f"--bqsim-upstream={other.url}",
            f"--bqsim-upstream-grpc={other.grpc_target}",
            "--bqsim-upstream-project=there",
        )
        result.assert_outcomes(passed=1)
        assert [d.dataset_id for d in other.client().list_datasets()] == ["made_there"]
    [cassette] = pytester.path.rglob("*.cassette")
    assert cassette.name == "test_there.cassette"


def test_an_upstream_that_is_not_recorded(run: Run) -> None:
    result = run("def test_none(): pass", "--bqsim-upstream=http://127.0.0.1:1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--bqsim-upstream needs --bqsim-record*"])


class Node:
    def __init__(self, nodeid: str, mark: str = "", *, on_class: bool = False, id: str = "") -> None:
        self.nodeid = nodeid
        self.name = nodeid.rpartition("::")[2]
        self.originalname = self.name.partition("[")[0]
        self._marks: list[Any] = []
        if mark:
            self._marks = [(object() if on_class else self, SimpleNamespace(args=(mark,)))]
        if id:
            self.callspec = SimpleNamespace(id=id)

    def iter_markers_with_node(self, name: str) -> Any:
        return iter(self._marks if name == "bqsim_cassette" else ())


@pytest.mark.parametrize(
    ("node", "place"),
    [
        (Node("tests/test_a.py::test_x"), "test_a/test_x.cassette"),
        (Node("tests/test_a.py::TestB::test_x[1 2]", id="1 2"), "test_a/TestB/test_x-1-2.cassette"),
        (Node("tests/test_a.py::test_x", "orders"), "orders.cassette"),
        (Node("tests/test_a.py::test_x", "sub/orders.cassette"), "sub/orders.cassette"),
        (Node("tests/test_a.py::test_x[1]", "orders", id="1"), "orders-1.cassette"),
        (Node("tests/test_a.py::TestB::test_x", "orders", on_class=True), "orders/test_x.cassette"),
    ],
    ids=["plain", "class", "named", "path", "parameters", "on class"],
)
def test_places(node: Node, place: str) -> None:
    assert place_of(node, Path("f")) == Path("f", place)
