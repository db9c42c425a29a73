from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from bqsim.errors import Internal
from bqsim.sql.googlesql import module_cache
from bqsim.sql.googlesql.module_cache import WASM_SHA256, cache_directory, engine, load_module, wasm_path

# A process that loads the module of the file argv[1] through the cache argv[2].
LOADER = """
import hashlib, sys
from pathlib import Path
from bqsim.sql.googlesql import module_cache
module_cache.wasm_path = lambda: Path(sys.argv[1])
module_cache.WASM_SHA256 = hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest()
module = module_cache.load_module(module_cache.engine(), Path(sys.argv[2]), print)
assert [e.name for e in module.exports] == ["answer"]
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that compiles at once, in the place of GoogleSQL's."""
    path = tmp_path / "tiny.wasm"
    path.write_bytes(wasmtime.wat2wasm('(module (func (export "answer") (result i32) i32.const 42))'))
    monkeypatch.setattr(module_cache, "wasm_path", lambda: path)
    monkeypatch.setattr(module_cache, "WASM_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def load(directory: Path) -> list[str]:
    messages: list[str] = []
    module = load_module(engine(), directory, messages.append)
    assert [e.name for e in module.exports] == ["answer"]
    return messages


def artefact(directory: Path) -> Path:
    return next(directory.glob("*.cwasm"))


def test_the_pinned_digest_is_that_of_the_installed_module() -> None:
    assert hashlib.sha256(wasm_path().read_bytes()).hexdigest() == WASM_SHA256


@pytest.mark.usefixtures("tiny")
def test_compiled_once_and_then_loaded(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    assert len(load(directory)) == 1
    assert load(directory) == []
    assert directory.stat().st_mode & 0o777 == 0o700
    assert artefact(directory).stat().st_mode & 0o777 == 0o600
    assert not list(directory.glob("*.tmp"))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("damage", [b"", b"no machine code", None])
def test_a_damaged_file_is_compiled_again(tmp_path: Path, damage: bytes | None) -> None:
    directory = tmp_path / "cache"
    load(directory)
    path = artefact(directory)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    assert len(load(directory)) == 1
    assert load(directory) == []


@pytest.mark.usefixtures("tiny")
def test_a_file_that_others_can_write_is_not_loaded(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    load(directory)
    artefact(directory).chmod(0o666)
    assert len(load(directory)) == 1
    assert artefact(directory).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("tiny")
def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(Internal, match="writable by nobody else"):
        load(tmp_path)


@pytest.mark.usefixtures("tiny")
def test_without_a_place_to_keep_it_the_module_still_loads(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    [message] = load(tmp_path / "file" / "cache")
    assert "cannot be kept" in message


def test_a_module_that_was_not_tested_is_refused(tiny: Path, tmp_path: Path) -> None:
    tiny.write_bytes(wasmtime.wat2wasm("(module)"))
    with pytest.raises(Internal, match=r"zetasql 0\.1\.5"):
        load(tmp_path / "cache")


def test_eight_processes_at_once_compile_once(tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADER, str(tiny), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    assert sum(output.count("Compiling") for output in outputs) == 1


def test_the_directory_follows_the_settings_and_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cache_directory(tmp_path) == tmp_path
    monkeypatch.delenv("BQSIM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path))
    assert cache_directory() == tmp_path / "bqsim"
    monkeypatch.setenv("BQSIM_CACHE_DIR", "/elsewhere")
    assert cache_directory() == Path("/elsewhere")
