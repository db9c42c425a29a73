"""``--bqsim-field-usage=FILE``: which fields of answers tests read, as a consumer's contract."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

OPTION = "bqsim_field_usage"


class FieldUsage:
    """The plugin of one run, there when the option is. Workers of pytest-xdist tell what they have noted to
    the run that has started them, which writes all of it."""

    def __init__(self, path: Path, consumer: str) -> None:
        from bqsim.contract.consumer import Contract
        from bqsim.contract.usage import Usage, tracking

        self.path, self.consumer = path, consumer
        self._closing = ExitStack()
        self.usage = self._closing.enter_context(tracking(Usage()))
        self._told = Contract(consumer)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """What is read meanwhile, this test reads."""
        self.usage.test = item.nodeid
        try:
            return (yield)
        finally:
            self.usage.test = ""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker has noted."""
        from bqsim.contract.consumer import Contract

        text = getattr(node, "workeroutput", {}).get(OPTION)
        if text:
            self._told = self._told.joined(Contract.read(text, f"worker {node.gateway.id}"))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the contract, or tell it."""
        from bqsim.contract.consumer import Contract

        self._closing.close()
        text = Contract.of(self.usage, self.consumer).joined(self._told).text()
        output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[OPTION] = text
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")


def add_options(group: pytest.OptionGroup) -> None:
    """Add the option."""
    group.addoption(
        "--bqsim-field-usage",
        type=Path,
        metavar="FILE",
        help="write which methods, fields and failures of the API the tests need, as a consumer's contract",
    )


def configure(config: pytest.Config) -> None:
    """Note what is read, when that is asked for."""
    path: Path | None = config.getoption(OPTION)
    if path is None:
        return
    config.pluginmanager.register(FieldUsage(path, config.rootpath.name), "bqsim-field-usage")
