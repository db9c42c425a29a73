"""``--bqsim-field-usage=FILE``: which fields of answers tests read, as a consumer's contract."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

OPTION = "bqsim_field_usage"


class FieldUsage:
    """The plugin of one run, there when the option is. Each worker of pytest-xdist writes a file of its own,
    whose name ends with the worker's."""

    def __init__(self, path: Path, consumer: str) -> None:
        from bqsim.contract.usage import Usage, tracking

        self.path, self.consumer = path, consumer
        self._closing = ExitStack()
        self.usage = self._closing.enter_context(tracking(Usage()))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """What is read meanwhile, this test reads."""
        self.usage.test = item.nodeid
        try:
            return (yield)
        finally:
            self.usage.test = ""

    def pytest_sessionfinish(self) -> None:
        """Write the contract."""
        from bqsim.contract.consumer import Contract

        self._closing.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(Contract.of(self.usage, self.consumer).text(), encoding="utf-8")


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
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if worker:
        path = path.with_name(f"{path.stem}.{worker}{path.suffix}")
    config.pluginmanager.register(FieldUsage(path, config.rootpath.name), "bqsim-field-usage")
