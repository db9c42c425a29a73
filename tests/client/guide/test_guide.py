"""The guide: every block of code runs, every table is what the code has."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from bqclient import Endpoints

from . import blocks

SECTIONS = blocks.sections()


class _Reader:
    """Somebody who types in what a section has, one block after another."""

    def __init__(self, sim: Any, runner: asyncio.Runner) -> None:
        self._sim, self._runner = sim, runner
        self.names: dict[str, Any] = {"__name__": "guide"}

    def run(self, block: blocks.Block) -> None:
        """Run a block; tests in it, too."""
        text = "\n" * block.line + block.text.replace("my-project", self._sim.project)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(text, str(blocks.GUIDE), "exec", flags=flags, dont_inherit=True)
        known = set(self.names)
        if code.co_flags & inspect.CO_COROUTINE:
            found: Any = eval(code, self.names)
            self._runner.run(found)
        else:
            exec(code, self.names)
        for name in [n for n in self.names if n.startswith("test_") and n not in known]:
            self.names[name](self._sim)

    async def close(self) -> None:
        """Close the client of the examples."""
        client = self.names.get("client")
        if client is not None and inspect.iscoroutinefunction(client.close):
            await client.close()


@pytest.mark.parametrize("name", [name for name, found in SECTIONS.items() if found])
def test_the_examples_of_a_section_run(
    bqsim: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with asyncio.Runner() as runner:
        reader = _Reader(bqsim, runner)
        if name not in ("Start", blocks.PRELUDE):
            for block in SECTIONS[blocks.PRELUDE]:
                reader.run(block)
        for block in SECTIONS[name]:
            if block.language == "python":
                reader.run(block)
        runner.run(reader.close())


def test_blocks_are_python_or_for_the_shell() -> None:
    languages = {block.language for found in SECTIONS.values() for block in found}
    assert languages == {"python", "console"}
    for found in SECTIONS.values():
        for block in found:
            if block.language == "console":
                assert all(line.startswith("pip ") for line in block.text.splitlines())


def test_tables_are_what_the_code_has() -> None:
    text = blocks.GUIDE.read_text()
    assert text == blocks.with_tables(text), "run python -m tests.client.guide.blocks"
    for name in blocks.TABLES:
        assert f"<!-- table: {name} -->" in text


def test_environment_variables_do_what_the_table_says() -> None:
    for name, field in blocks._VARIABLES.items():
        assert "127.0.0.1:1" in getattr(Endpoints.from_environment({name: "127.0.0.1:1"}), field)
    names = set(re.findall(r'"([A-Z_]+)"', inspect.getsource(Endpoints.from_environment)))
    assert names == set(blocks._VARIABLES)


def test_links_within_the_guide_lead_somewhere() -> None:
    text = blocks.GUIDE.read_text()
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_lines_are_not_too_long_to_read() -> None:
    plain = re.sub(r"<!-- table.*?<!-- end -->", "", blocks.GUIDE.read_text(), flags=re.DOTALL)
    assert [line for line in plain.splitlines() if len(line) > 120] == []
