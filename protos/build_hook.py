"""The build step that compiles protos/ into bqsim/storage/v1."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProtoBuildHook(BuildHookInterface):
    """Runs protoc before the wheel is packed, or before an editable install ends."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every .proto file. Raises RuntimeError when protoc refuses one."""
        from grpc_tools import protoc

        root = Path(self.root)
        sources = sorted(str(path) for path in (root / "protos").rglob("*.proto"))
        code = protoc.main(
            [
                "protoc",
                f"--proto_path={root / 'protos'}",
                f"--proto_path={files('grpc_tools') / '_proto'}",
                f"--python_out={root}",
                f"--pyi_out={root}",
                *sources,
            ]
        )
        if code != 0:
            raise RuntimeError("protoc failed: see its messages above")
