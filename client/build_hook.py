"""The build step that compiles the protos into bqclient/wire, under a package name of their own."""

from __future__ import annotations

import re
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = re.compile(r"\bbqsim\.storage\.v1\b")
_FOLDER = re.compile(r"\bbqsim/storage/v1/")


class ProtoBuildHook(BuildHookInterface):
    """Runs protoc before the wheel is packed, or before an editable install ends."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every .proto file. Raises RuntimeError when protoc refuses one.

        A process may hold the client and the simulator: protobuf wants other names for other files.
        """
        from grpc_tools import protoc

        root = Path(self.root)
        # In a source distribution the protos lie inside, in the repository beside.
        protos = next(p for p in (root / "protos", root.parent / "protos") if p.is_dir())
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made) / "bqclient" / "wire"
            folder.mkdir(parents=True)
            for source in sorted((protos / "bqsim" / "storage" / "v1").glob("*.proto")):
                text = _FOLDER.sub("bqclient/wire/", _PACKAGE.sub("bqclient.wire", source.read_text()))
                (folder / source.name).write_text(text)
            code = protoc.main(
                [
                    "protoc",
                    f"--proto_path={made}",
                    f"--proto_path={files('grpc_tools') / '_proto'}",
                    f"--python_out={root}",
                    f"--pyi_out={root}",
                    *sorted(str(path) for path in folder.glob("*.proto")),
                ]
            )
        if code != 0:
            raise RuntimeError("protoc failed: see its messages above")
