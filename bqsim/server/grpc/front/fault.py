"""What a connection is to suffer, as the front carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from bqsim.sim.scenario.model import Network

# What the front tells the server of each stream: "<connection>/<stream id>".
HEADER = "x-bqsim-stream"
# A message begins with a byte of flags and its length in four.
PREFIX_BYTES = 5
# The last byte of the length.
_LENGTH_BYTE = PREFIX_BYTES - 1
# Where faults in the bytes of an answer begin when nothing says so: within the first message.
_FIRST_BYTES = {"corrupt": PREFIX_BYTES, "truncate": PREFIX_BYTES + 1}
# Faults that are of no use before there are bytes of an answer.
_IN_BODY = frozenset(("drip", "wrong_length", *_FIRST_BYTES))


@dataclass(frozen=True, slots=True)
class Fault:
    """``effect`` at a ``position`` of the answers of one stream.

    None: at once; 0: once the headers have gone; n: once n bytes of DATA have gone, or at the end of fewer.
    ``answered``: there is an answer that goes on behind the fault, where the fault allows.
    """

    effect: Network
    position: int | None
    answered: bool

    @classmethod
    def of(cls, effect: Network, sent: int, *, answered: bool) -> Fault:
        """The fault of ``effect`` in a stream whose server has handed over ``sent`` bytes of DATA."""
        in_body = effect.at == "body" or effect.what in _IN_BODY
        if in_body and answered:
            byte = _FIRST_BYTES.get(effect.what, 0) if effect.byte is None else effect.byte
            if effect.what == "wrong_length":
                byte = _LENGTH_BYTE
            return cls(effect, sent + byte, answered)
        if in_body or effect.at == "after_headers" or sent:
            return cls(effect, sent, answered)
        return cls(effect, None, answered)
