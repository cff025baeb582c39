"""What names stand for: as Python has them, and as the project resolves them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Foreign, Function
from flask_ctxfix.module import Module
from flask_ctxfix.origins import UNKNOWN
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding

ASKED = "asked"

# Imports each layout and prints what `asked` is there: a value, or a function that returns it.
_IMPORTER = """
import builtins, functools, importlib, json, os, sys, types

import flask

FLASK = {id(vars(flask)[name]): "flask." + name for name in flask.__all__} if hasattr(
    flask, "__all__") else {id(value): "flask." + name for name, value in vars(flask).items()
    if name in ("g", "request", "session", "current_app", "Flask", "Blueprint")}

def described(value, root):
    if value is None:
        return "None"
    if id(value) in FLASK:
        return FLASK[id(value)]
    if isinstance(value, types.ModuleType):
        file = getattr(value, "__file__", None)
        if file is None or not file.startswith(root):
            paths = [os.path.relpath(each, root) for each in getattr(value, "__path__", ())]
            return paths[0] + "/" if file is None and paths else value.__name__
        return os.path.relpath(file, root)
    name = getattr(value, "__qualname__", None)
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if name is None or module is None:
        return "an object"
    file = getattr(module, "__file__", None) or ""
    return os.path.relpath(file, root) + ":" + name if file.startswith(root) else (
        module.__name__ + "." + name)

def of_layout(layout):
    before, path = set(sys.modules), list(sys.path)
    root = layout["root"]
    sys.path[:0] = [os.path.normpath(os.path.join(root, each)) for each in layout["path"]]
    importlib.invalidate_caches()
    found = {}
    try:
        for name in layout["entries"]:
            importlib.import_module(name)
        if not layout["where"]:
            main = vars(sys.modules.get("main", sys))
            has = lambda question: described(eval(question, dict(main)), root)
            for question in layout["questions"]:
                try:
                    found[question] = has(question)
                except (AttributeError, NameError):
                    pass
            return found | {
                os.path.relpath(module.__file__, root): {
                    name: described(value, root) for name, value in vars(module).items()
                    if not name.startswith("__")
                }
                for module in list(sys.modules.values())
                if (getattr(module, "__file__", None) or "").startswith(root)
            }
        for where in layout["where"]:
            file = os.path.join(root, where)
            module = next(
                m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == file)
            value = vars(module)["asked"]
            if isinstance(value, types.FunctionType) and value.__name__ == "asked":
                value = value()
            found[where] = described(value, root)
    except Exception as error:
        return {"error": type(error).__name__ + ": " + str(error)}
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            del sys.modules[name]
    return found

for line in sys.stdin:
    print(json.dumps(of_layout(json.loads(line))), flush=True)
"""


@dataclass(frozen=True)
class Layout:
    """Files, one of which asks what a name is: it gives it to `asked`, or returns it there.

    `path` are the folders on `sys.path`, `entries` the modules that are imported, in that order.
    Of what is `exact`, the tool has to say what Python has; of the rest, it must not say another.
    """

    files: Mapping[str, str]
    where: Sequence[str] = ("main.py",)
    path: Sequence[str] = (".",)
    entries: Sequence[str] = ("main",)
    exact: bool = True
    questions: Sequence[str] = ()

    def write(self, root: Path) -> Project:
        """Write the files, and return them as a project."""
        for name, text in self.files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
        return Project([str(root / name) for name in self.files], str(root))


class Python:
    """A process that imports layouts, one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", _IMPORTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Python:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def names(self, root: Path, layout: Layout) -> dict[str, Any]:
        """Return what `asked` is in each file that asks; if none does, all names of all files."""
        given = {
            "root": str(root),
            "path": [*layout.path],
            "entries": [*layout.entries],
            "where": [*layout.where],
            "questions": [*layout.questions],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


class Asked:
    """What the tool says of the name that a file asks about."""

    def __init__(
        self, project: Project, root: Path, where: str, node: ast.expr | None = None
    ) -> None:
        self._project = project
        self._root = root
        self._module = project.module(str(root / where))
        self._node = node or _asked(self._module.tree)

    def is_exactly(self, value: str) -> bool:
        """Whether names, bindings and values together leave nothing but `value`."""
        origins = self._of_origins()
        if ":" not in value:
            return origins == {value}
        bindings = self._of_bindings()
        return self._of_values() == value or bindings == {value}

    def may_be(self, value: str) -> bool:
        """Whether nothing that the tool says rules `value` out."""
        origins, bindings, known = self._of_origins(), self._of_bindings(), self._of_values()
        return (
            (UNKNOWN in origins or value in origins)
            and (not bindings or UNKNOWN in bindings or value in bindings)
            and (known in (None, value) or value == "None")
        )

    def __repr__(self) -> str:
        return f"{self._of_origins()} {self._of_bindings()} {self._of_values()}"

    def _of_origins(self) -> set[str]:
        return self._described(self._project.origins(self._module, self._node))

    def _described(self, origins: frozenset[str]) -> set[str]:
        return {self._named(origin) for origin in origins}

    def _named(self, origin: str) -> str:
        """Return the file of a module; what is in no file is unknown, if a module's has no such."""
        place = self._project.files.find(origin, self._module.path)
        if place is not None:
            name = str(Path(place).relative_to(self._root))
            return f"{name}/" if place.endswith("/") else name
        owner = self._project.files.find(origin.rpartition(".")[0] or "-", self._module.path)
        return UNKNOWN if owner is not None else origin

    def _of_bindings(self) -> set[str]:
        found: set[str] = set()
        for module, binding in self._project.bindings(self._module, self._node):
            found |= self._bound(module, binding)
        return found

    def _bound(self, module: Module, binding: Binding) -> set[str]:
        if isinstance(binding.node, ast.FunctionDef | ast.ClassDef):
            return {self._placed(module, binding.node)}
        return self._described(self._project.binding_origins(module, binding))

    def _of_values(self) -> str | None:
        value = ContextFlow.of(self._project).values.of(self._module, self._node)
        if isinstance(value, Function | Class):
            return self._placed(value.module, value.node)
        if not isinstance(value, Foreign) or self._named(value.name) != value.name:
            return None  # of modules of the project, origins are asked
        return value.name

    def _placed(self, module: Module, node: ast.AST) -> str:
        path = Path(module.path).relative_to(self._root)
        owners = [each.name for each in module.scopes.ancestors(node) if hasattr(each, "name")]
        return f"{path}:{'.'.join([*owners[::-1], node.name])}"  # type: ignore[attr-defined]


def _asked(tree: ast.Module) -> ast.expr:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == ASKED:
            return node.value
        if isinstance(node, ast.FunctionDef) and node.name == ASKED:
            (last,) = (each for each in ast.walk(node) if isinstance(each, ast.Return))
            assert last.value is not None
            return last.value
    raise AssertionError("nothing is asked")
