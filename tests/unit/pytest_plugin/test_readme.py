"""What the README shows runs."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Run

pytest_plugins = ["pytester"]

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_examples_pass(run: Run) -> None:
    section = README.read_text(encoding="utf-8").split("## Use it with pytest")[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    result = run("\n".join(examples))
    result.assert_outcomes(passed=sum(text.count("\ndef test_") for text in examples))


def test_all_that_there_is_is_named() -> None:
    from bqsim import pytest_plugin
    from bqsim.pytest_plugin.marks import NAMES

    section = README.read_text(encoding="utf-8").split("## Use it with pytest")[1].split("\n## ")[0]
    fixtures = {name for name in pytest_plugin.__all__ if name.startswith("bqsim")}
    # One of a module's fixtures stands for both.
    for name in (fixtures - {"bqsim_module_client"}) | NAMES:
        assert f"`{name}`" in section, name
