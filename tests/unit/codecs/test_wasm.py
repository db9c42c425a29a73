from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from wasmtime import Trap, WasmtimeError

from bqsim.codecs import wasm
from bqsim.codecs.wasm import FIRST_ADDRESS, PAGE_BYTES, Program, program

_TEXT = """
(module
  (memory (export "memory") 1)
  (func (export "sum") (param $at i32) (param $count i32) (result i32)
    (local $total i32)
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.get $count)))
        (local.set $total (i32.add (local.get $total) (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (local.get $total))
  (func (export "double") (param $value i64) (result i64)
    (i64.mul (local.get $value) (i64.const 2)))
  (func (export "set") (param $at i32) (param $value i32)
    (i32.store8 (local.get $at) (local.get $value)))
  (func (export "fail") unreachable))
"""


@pytest.fixture
def sums() -> Iterator[Program]:
    made = Program("sums", _TEXT)
    yield made
    made.close()


def test_buffers_go_in_and_results_come_out(sums: Program) -> None:
    with sums.instance() as memory:
        for data in (b"\x01\x02\xff", np.array([1, 2, 255], np.uint8), pa.py_buffer(b"\x01\x02\xff")):
            assert memory.call("sum", memory.put(data), 3) == 258
        assert memory.call("sum", memory.put(np.array([[1, 256], [2, 3]], np.int64)), 32) == 7
        assert memory.call("double", -(2**40)) == -(2**41)
        assert memory.call("set", memory.put(b""), 1) == 0


def test_addresses_are_aligned_and_never_zero(sums: Program) -> None:
    with sums.instance() as memory:
        addresses = [memory.put(b"x" * n) for n in (0, 1, 7, 8, 9)]
        assert addresses[0] == FIRST_ADDRESS
        assert addresses == sorted(addresses)
        assert all(a % 8 == 0 for a in addresses)


def test_copies_of_memory(sums: Program) -> None:
    with sums.instance() as memory:
        address = memory.put(np.array([5, -1, 7], np.int64))
        numbers = memory.array_at(address, np.int64, 3)
        truths = memory.array_at(memory.put(b"\x01\x00"), np.bool_, 2)
        text = memory.bytes_at(address, 9)
        memory.write(address, b"\0" * 24)
        assert memory.call("sum", address, 24) == 0
        assert len(memory.array_at(address, np.float64, 0)) == 0
        assert memory.bytes_at(address, 0) == b""
    assert numbers.tolist() == [5, -1, 7]
    assert truths.tolist() == [True, False]
    assert text == b"\x05" + b"\0" * 7 + b"\xff"


def test_zeros_are_zero_in_used_memory(sums: Program) -> None:
    with sums.instance() as memory:
        memory.put(b"\xff" * 4096)
    with sums.instance() as memory:
        assert memory.call("sum", memory.zeros(4096), 4096) == 0
        memory.zeros(0)
        address = memory.put(b"\x01" * 16)
        memory.clear(address + 4, 8)
        memory.clear(address, 0)
        assert memory.call("sum", address, 16) == 8


def test_memory_grows_and_keeps_what_it_holds(sums: Program) -> None:
    with sums.instance() as memory:
        assert memory.size == PAGE_BYTES
        first = memory.put(b"\x07" * 1000)
        second = memory.put(b"\x01" * (3 * PAGE_BYTES))
        assert memory.size >= 4 * PAGE_BYTES
        assert memory.size < 5 * PAGE_BYTES
        assert memory.call("sum", first, 1000) == 7000
        assert memory.call("sum", second, 3 * PAGE_BYTES) == 3 * PAGE_BYTES


def test_addresses_above_two_gibibytes(sums: Program) -> None:
    with sums.instance() as memory:
        memory.reserve(2**31 + 2**30)
        address = memory.put(b"\x02\x03")
        assert address > 2**31
        assert memory.call("sum", address, 2) == 5
        memory.call("set", address, 9)
        assert memory.bytes_at(address, 2) == b"\x09\x03"


def test_beyond_four_gibibytes_is_a_memory_error(sums: Program) -> None:
    with sums.instance() as memory, pytest.raises(MemoryError):
        memory.reserve(2**32)
    with sums.instance() as memory:
        memory.reserve(2**31)
        with pytest.raises(MemoryError):
            memory.reserve(2**31)


def test_instances_are_used_again(sums: Program) -> None:
    with sums.instance() as first:
        first.put(b"x" * (10 * PAGE_BYTES))
    with sums.instance() as second:
        assert second is first
        assert second.put(b"y") == FIRST_ADDRESS
        with sums.instance() as third:
            assert third is not second


def test_large_instances_are_not_kept(sums: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm, "MAX_IDLE_BYTES", 2 * PAGE_BYTES)
    with sums.instance() as first:
        first.reserve(3 * PAGE_BYTES)
    with sums.instance() as second:
        assert second is not first


def test_a_few_instances_wait(sums: Program) -> None:
    barrier = threading.Barrier(8)

    def use(_: int) -> None:
        with sums.instance():
            barrier.wait(timeout=30)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(8)))
    assert len(sums._idle) == wasm.MAX_IDLE


def test_an_instance_that_failed_is_not_used_again(sums: Program) -> None:
    with pytest.raises(Trap), sums.instance() as first:
        first.call("fail")
    with pytest.raises(Trap), sums.instance() as second:
        assert second is not first
        second.call("sum", 2**31, 1)
    with sums.instance() as third:
        assert third.call("double", 4) == 8


def test_threads_have_memories_of_their_own(sums: Program) -> None:
    def total(n: int) -> int:
        with sums.instance() as memory:
            address = memory.put(bytes([n]) * 50_000)
            return memory.call("sum", address, 50_000)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(total, range(200))) == [n * 50_000 for n in range(200)]


def test_a_closed_program_cannot_be_used() -> None:
    made = Program("sums", _TEXT)
    with made.instance() as memory:
        made.close()
        assert memory.call("double", 1) == 2
    assert not made._idle
    with pytest.raises(ValueError, match="closed"), made.instance():
        pass


def test_a_text_that_is_no_program() -> None:
    with pytest.raises(WasmtimeError):
        Program("bad", "(module (func $f (result i32)))")


def test_programs_of_the_package_are_compiled_once() -> None:
    assert program("avro/encode") is program("avro/encode")


def test_an_interpreter_ends_quietly() -> None:
    code = (
        "from bqsim.codecs.wasm import program\n"
        "with program('avro/encode').instance() as memory: memory.put(b'x')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    assert done.stderr == ""
