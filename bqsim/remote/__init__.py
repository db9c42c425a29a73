"""Control of a simulator that runs elsewhere, over its HTTP interface, with the words of ``sim``."""

from .control import Remote
from .server import RemoteSimulator
from .wire import RemoteError, Wire

__all__ = ["Remote", "RemoteError", "RemoteSimulator", "Wire"]
