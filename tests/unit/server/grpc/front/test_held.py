from __future__ import annotations

import asyncio

import pytest

from bqsim.server.grpc.front import frames as f
from bqsim.server.grpc.front.held import Held, pieces


@pytest.mark.parametrize(
    ("size", "rate", "parts", "seconds"),
    [
        (25, 100.0, [10, 10, 5], 0.25),
        (3, 1.0, [1, 1, 1], 3.0),
        (3, 0.5, [1, 1, 1], 6.0),
        (0, 5.0, [0], 0.0),
    ],
)
def test_data_goes_in_pieces_at_its_rate(size: int, rate: float, parts: list[int], seconds: float) -> None:
    made = list(pieces(f.Frame(f.DATA, f.END_STREAM, 1, b"x" * size), rate))
    assert [len(frame.payload) for frame, _ in made] == parts
    assert sum(s for _, s in made) == pytest.approx(seconds)
    assert [frame.ends_stream for frame, _ in made] == [False] * (len(parts) - 1) + [True]


def test_padding_is_left_out_of_pieces() -> None:
    [(frame, _)] = pieces(f.Frame(f.DATA, f.PADDED, 1, b"\x02ab\0\0"), 1000)
    assert frame == f.Frame(f.DATA, 0, 1, b"ab")


def test_frames_come_in_order_to_the_last() -> None:
    async def main() -> None:
        seen: list[f.Frame] = []
        done = asyncio.Event()

        async def work(held: Held) -> None:
            async for frame in held.coming():
                seen.append(frame)
                await asyncio.sleep(0)

        held = Held(work)
        frames = [f.Frame(f.DATA, 0, 1, bytes([n])) for n in range(5)]
        frames.append(f.Frame(f.HEADERS, f.END_STREAM, 1, b""))
        held.put(frames[0])
        held.start(done.set)
        for frame in frames[1:]:
            await asyncio.sleep(0)
            held.put(frame)
        await asyncio.wait_for(done.wait(), 10)
        assert seen == frames
        assert held.cancel() == []

    asyncio.run(main())


def test_what_is_given_up_is_given_back() -> None:
    async def main() -> None:
        async def work(held: Held) -> None:
            await asyncio.Event().wait()

        held = Held(work)
        held.start(lambda: None)
        frame = f.Frame(f.DATA, 0, 1, b"x")
        held.put(frame)
        assert held.cancel() == [frame]
        assert held.cancel() == []

    asyncio.run(main())
