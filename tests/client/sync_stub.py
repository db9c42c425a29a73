"""Writes ``client/bqclient/sync.pyi``, the types of the client without ``await``, from the async classes.

``python -m tests.client.sync_stub`` writes the file; ``--check`` only tells whether it is right.
"""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import bqclient
from bqclient.blocking import waits

PACKAGE = Path(bqclient.__file__).parent
STUB = PACKAGE / "sync.pyi"
ITERATORS = {"AsyncIterator": "Iterator", "AsyncGenerator": "Iterator", "AsyncIterable": "Iterable"}
NAMES = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"}
DUNDERS = ("__init__", "__len__", "__bool__", "__iter__", "__getitem__", "__contains__")
# Parts of a client that are no part of its interface.
HIDDEN = frozenset({"Core", "Rest", "Rpc", "Retrier", "Throttle", "AppendStream", "Deadline", "Runtime"})
HEAD = '''"""The client without ``await``, as type checkers see it. Written by tests.client.sync_stub."""

from __future__ import annotations

'''


class Module:
    """A module of the client: its classes, and where its names come from."""

    def __init__(self, file: Path) -> None:
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if package else parts)
        self.tree = ast.parse(file.read_text())
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.places: dict[str, tuple[str, str | None]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                above = self.name.split(".") if package else self.name.split(".")[:-1]
                base = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
                module = ".".join(filter(None, (base, node.module)))
                for alias in node.names:
                    self.places[alias.asname or alias.name] = (module, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.places[alias.asname or alias.name.split(".")[0]] = (alias.name, None)

    def place(self, name: str) -> tuple[str, str | None]:
        """The module that a name is of, and its name there; ``None`` for the module itself."""
        return self.places.get(name) or (self.name, name)


class Stub:
    """The stub, class by class, from the client down to what its methods give."""

    def __init__(self) -> None:
        files = [f for f in PACKAGE.rglob("*.py") if "wire" not in f.parts]
        self.modules = {m.name: m for m in map(Module, sorted(files))}
        self.imports: dict[str, tuple[str, str | None]] = {}
        self.made: dict[str, str] = {}
        self.todo: list[tuple[Module, str]] = [(self.modules["bqclient.client"], "BigQueryClient")]

    def text(self) -> str:
        """The whole stub."""
        seen = set()
        while self.todo:
            module, name = self.todo.pop(0)
            if name not in seen:
                seen.add(name)
                self.made[name] = self._class(module, module.classes[name])
        first = self.made.pop("BigQueryClient")
        body = "\n\n".join([first, *(self.made[name] for name in sorted(self.made))])
        lines = []
        for called, (place, of) in sorted(self.imports.items(), key=lambda item: (item[1][0], item[0])):
            if of is None:
                lines.append(f"import {place}" + (f" as {called}" if called != place else ""))
            else:
                lines.append(f"from {place} import {of}" + (f" as {called}" if called != of else ""))
        return HEAD + "\n".join(lines) + "\n\n" + body + "\n"

    # --- classes ---

    def _class(self, module: Module, node: ast.ClassDef) -> str:
        parts = [f"class Sync{node.name}:"]
        named = self.modules["bqclient.sync"].classes.get(f"Sync{node.name}", node)
        if doc := ast.get_docstring(named):
            parts.append(_documented(doc, 1))
        known: set[str] = set()
        for member in node.body:
            if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                if not member.target.id.startswith("_") and "asyncio" not in ast.unparse(member.annotation):
                    parts.append(f"    {member.target.id}: {self._type(module, member.annotation)}")
            elif isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = NAMES.get(member.name, member.name)
                if name not in known:
                    parts += self._function(module, member)
                known.add(name)
                if member.name == "__init__" and node.name != "BigQueryClient":
                    parts += self._attributes(module, member)
        if node.name == "BigQueryClient":
            parts.append(
                "    def __enter__(self) -> Self: ...\n    def __exit__(self, *failure: object) -> None: ..."
            )
        return "\n".join(parts) + "\n"

    def _attributes(self, module: Module, init: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
        """Public attributes whose types are told where they are set."""
        found = []
        arguments = {a.arg: a.annotation for a in [*init.args.args, *init.args.kwonlyargs]}
        for node in ast.walk(init):
            target, annotation = None, None
            if isinstance(node, ast.AnnAssign):
                target, annotation = node.target, node.annotation
            elif isinstance(node, ast.Assign):
                for one, value in _pairs(node):
                    kind = _simple(value, arguments)
                    if kind is not None and _public(one):
                        assert isinstance(one, ast.Attribute)
                        found.append(f"    {one.attr}: {self._type(module, kind)}")
                continue
            if annotation is not None and target is not None and _public(target):
                assert isinstance(target, ast.Attribute)
                found.append(f"    {target.attr}: {self._type(module, annotation)}")
        return found

    def _function(self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
        name = NAMES.get(node.name, node.name)
        client = name == "__init__" and module.name == "bqclient.client"
        if (name.startswith("_") and name not in {*DUNDERS, *NAMES.values()}) or (
            name == "__init__" and not client
        ):
            return []
        if module.name == "bqclient.client" and name in ("builder", "__enter__", "__exit__"):
            return []
        if node.returns is not None and ast.unparse(node.returns) in HIDDEN - {"Deadline"}:
            return []
        marks = {ast.unparse(d) for d in node.decorator_list}
        kind = next((d for d in ("property", "classmethod", "staticmethod") if d in marks), None)
        if "cached_property" in marks:
            kind = "property"
        if any(m.endswith(".setter") for m in marks) or any(
            isinstance(a.annotation, ast.Name) and a.annotation.id in HIDDEN - {"Deadline"}
            for a in node.args.args
        ):
            return []
        arguments = self._arguments(module, node.args)
        gives = self._type(module, node.returns) if node.returns else "None"
        lines = [f"    @{kind}"] if kind else []
        if any("contextmanager" in m for m in marks):
            self.imports["AbstractContextManager"] = ("contextlib", "AbstractContextManager")
            gives = f"AbstractContextManager[{gives.partition('[')[2][:-1]}]"
        head = f"    def {name}({arguments}) -> {gives}:"
        doc = ast.get_docstring(node)
        lines.append(f"{head}\n{_documented(doc, 2)}" if doc else f"{head} ...")
        return ["\n".join(lines)]

    def _arguments(self, module: Module, given: ast.arguments) -> str:
        found = []
        plain = [*given.posonlyargs, *given.args]
        missing = len(plain) - len(given.defaults)
        for number, one in enumerate(plain):
            default = given.defaults[number - missing] if number >= missing else None
            found.append(self._argument(module, one, default))
        if given.vararg:
            found.append("*" + self._argument(module, given.vararg, None))
        elif given.kwonlyargs:
            found.append("*")
        found += [
            self._argument(module, a, d) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        ]
        if given.kwarg:
            found.append("**" + self._argument(module, given.kwarg, None))
        return ", ".join(found)

    def _argument(self, module: Module, one: ast.arg, default: ast.expr | None) -> str:
        text = f"{one.arg}: {self._type(module, one.annotation)}" if one.annotation else one.arg
        if default is None:
            return text
        plain = isinstance(default, ast.Constant) or (isinstance(default, ast.Tuple) and not default.elts)
        return f"{text} = {ast.unparse(default) if plain else '...'}"

    # --- types ---

    def _type(self, module: Module, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        return ast.unparse(_Renamed(self, module).visit(ast.parse(ast.unparse(node), mode="eval").body))

    def name(self, module: Module, name: str) -> str:
        """What a name of a module is called in the stub; it is imported, or made, there."""
        if name in ITERATORS:
            name = ITERATORS[name]
            self.imports[name] = ("collections.abc", name)
            return name
        place, of = module.place(name)
        if of is not None and place in self.modules and f"{place}.{of}" not in self.modules:
            # Names that go on from one module to another.
            while of not in self.modules[place].classes and of in self.modules[place].places:
                place, found = self.modules[place].places[of]
                of = found or of
            if self._waits(place, of):
                self.todo.append((self.modules[place], of))
                return f"Sync{of}"
        if place == module.name and hasattr(builtins, name):
            return name
        self.imports[name] = (place, of)
        return name

    def _waits(self, place: str, name: str) -> bool:
        if place not in self.modules or name not in self.modules[place].classes or name in HIDDEN:
            return False
        return waits(getattr(import_module(place), name))


class _Renamed(ast.NodeTransformer):
    def __init__(self, stub: Stub, module: Module) -> None:
        self._stub, self._module = stub, module

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._stub.name(self._module, node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        called = ast.unparse(node.value)
        if called == "Literal":
            self.visit(node.value)
            return node
        if called == "AsyncGenerator" and isinstance(node.slice, ast.Tuple):
            node.slice = node.slice.elts[0]
        if called in ("Awaitable", "Coroutine") and node.slice is not None:
            # Callbacks may be awaited in the loop's thread.
            self.generic_visit(node)
            return node
        return self.generic_visit(node)


def _public(target: ast.expr) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
        and not target.attr.startswith("_")
    )


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    (target,) = node.targets
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def _simple(value: ast.expr, arguments: dict[str, ast.expr | None]) -> ast.expr | None:
    """The type of a value that is an argument or a plain constant."""
    if isinstance(value, ast.Name):
        return arguments.get(value.id)
    if isinstance(value, ast.Constant) and value.value is not None:
        return ast.Name(type(value.value).__name__)
    return None


def _documented(doc: str, depth: int) -> str:
    indent = "    " * depth
    lines = doc.replace("\\", "\\\\").splitlines()
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""'
    body = "\n".join(f"{indent}{line}".rstrip() for line in lines[1:])
    return f'{indent}"""{lines[0]}\n{body}\n{indent}"""'


def formatted() -> str:
    """The stub as the file has it."""
    ruff = Path(sys.executable).with_name("ruff")
    text = Stub().text()
    for command in (["check", "--fix-only", "--quiet", "--select", "I,F401"], ["format", "--quiet"]):
        text = subprocess.run(
            [ruff, *command, "--stdin-filename", str(STUB), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=PACKAGE.parent.parent,
        ).stdout
    return text


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if STUB.read_text() == formatted() else "sync.pyi is not up to date")
    STUB.write_text(formatted())
