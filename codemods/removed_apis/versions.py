"""Which conditions ask for the version of Flask, and with which version they compare it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable

from flask_ctxfix import flask_facts
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_facts import VERSION_TELLERS
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.statements import ends

Version = tuple[int, ...]

_RELEASE = re.compile(r"\d+(\.\d+)*")
_ORDERS = ast.Gt | ast.GtE | ast.Lt | ast.LtE
# Of each major version, the last minor one.
_LAST_MINOR = {0: 12, 1: 1, 2: 3, 3: 2}


def is_flask_version(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression certainly is the whole version of Flask, or its first numbers."""
    return _Told(project, is_whole=True).package(module, node) == "flask"


def is_version_test(module: Module, project: Project, test: ast.expr) -> bool:
    """Whether a condition asks which Flask is there, or which of its names exist."""
    told = _Told(project)
    for node in ast.walk(test):
        if isinstance(node, ast.Name | ast.Attribute | ast.Call):
            if _tells_of_flask(told.package(module, node)):
                return True
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            if _has_release(node) and told.package(module, node.left) is None:
                return True
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hasattr":
            names = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
            if names & flask_facts.TELLING:
                return True
    return False


def leaves_by_version(module: Module, project: Project, statement: ast.stmt) -> bool:
    """Whether what follows a statement is run by some versions of Flask only."""
    return (
        isinstance(statement, ast.If)
        and is_version_test(module, project, statement.test)
        and ends(statement.body)
    )


def _tells_of_flask(package: str | None) -> bool:
    """Whether the version of a package tells about that of Flask, as they need each other."""
    return package in ("flask", "werkzeug") or (package or "").startswith("flask_")


def _has_release(test: ast.Compare) -> bool:
    """Whether something is compared with a version that Flask has had, and so may be its version.

    Python has no 2.2 that matters, and Flask no 3.8.
    """
    given = test.comparators[0]
    version = release_of(given)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        version = _numbers(given.value)
    if version is None or not isinstance(test.ops[0], _ORDERS):
        return False
    major, minor = (*version, 0)[:2]
    return minor <= _LAST_MINOR.get(major, -1)


def release_of(node: ast.expr) -> Version | None:
    """Read (2, 2), "2.2" in a call such as Version("2.2"), as a version of one or two numbers."""
    if isinstance(node, ast.Tuple | ast.List):
        numbers = [getattr(element, "value", None) for element in node.elts]
        whole = [number for number in numbers if isinstance(number, int)]
        return tuple(whole) if len(whole) == len(numbers) and 1 <= len(whole) <= 2 else None
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        text = getattr(node.args[0], "value", None)
        return _numbers(text) if isinstance(text, str) else None
    return None


def _numbers(text: str) -> Version | None:
    if not _RELEASE.fullmatch(text):
        return None
    parts = tuple(int(part) for part in text.split("."))
    return parts[:2] if not any(parts[2:]) else None


_PACKAGE: QuestionKind[str | None] = QuestionKind(
    "version", None, lambda one, other: one if one == other else None
)


class _Told:
    """Tells the version of which package expressions are made of.

    With `is_whole`, what is made of a part other than the first numbers does not count.
    """

    def __init__(self, project: Project, *, is_whole: bool = False) -> None:
        self._project = project
        self._is_whole = is_whole

    def package(self, module: Module, node: ast.expr) -> str | None:
        """Return the package, "other" for other facts that are known; None if nothing is."""
        key = ("version of", node, self._is_whole)
        table = ContextFlow.of(self._project).table
        return table.ask(module, _PACKAGE, key, lambda: self._evaluated(module, node))

    def _evaluated(self, module: Module, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name | ast.Attribute):
            return self._read(module, node)
        if isinstance(node, ast.Call):
            return self._call(module, node)
        if isinstance(node, ast.Subscript):
            return self.package(module, node.value) if self._counts(node) else None
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            return self.package(module, node.generators[0].iter)
        if isinstance(node, ast.Tuple | ast.List) and not self._is_whole:
            return self._first(module, node.elts)
        if isinstance(node, ast.Compare) and not self._is_whole:
            return self._first(module, (node.left, *node.comparators))
        if isinstance(node, ast.BoolOp) and not self._is_whole:
            return self._first(module, node.values)
        return None

    def _counts(self, node: ast.Subscript) -> bool:
        """Whether a part of a version still is a version, and not one of its numbers."""
        part = node.slice
        if not self._is_whole:
            return True
        if not isinstance(part, ast.Slice) or part.step is not None:
            return False
        lower, upper = (getattr(each, "value", None) for each in (part.lower, part.upper))
        is_first = part.lower is None or lower == 0
        return is_first and (part.upper is None or (isinstance(upper, int) and upper > 1))

    def _first(self, module: Module, nodes: Iterable[ast.expr]) -> str | None:
        found = {self.package(module, each) for each in nodes} - {None}
        packages = found - {"other"} or found
        if len(packages) > 1 and not self._is_whole:
            return "flask" if "flask" in packages else min(map(str, packages))
        return packages.pop() if len(packages) == 1 else None

    def _read(self, module: Module, node: ast.Name | ast.Attribute) -> str | None:
        packages = {_of_origin(each) for each in self._project.origins(module, node) - {NONE}}
        if len(packages) == 1 and None not in packages:
            return packages.pop()
        bindings = self._project.bindings(module, node)
        if bindings:
            told = {
                self.package(home, binding.value) if binding.value else None
                for home, binding in bindings
                if not _is_literal(binding.value)  # what it is where nothing tells the version
            }
            return told.pop() if len(told) == 1 else None if told else "other"
        if isinstance(node, ast.Attribute):  # `.version` of a distribution, `.release` of a version
            return self.package(module, node.value)
        return None

    def _call(self, module: Module, node: ast.Call) -> str | None:
        if self._project.origins(module, node.func) & VERSION_TELLERS and node.args:
            named = getattr(node.args[0], "value", None)
            if isinstance(named, str) and not _RELEASE.match(named):
                return named.lower().replace("-", "_")
        function = ContextFlow.of(self._project).values.of(module, node.func)
        if isinstance(function, Function):
            returned = function.module.scopes.returned.get(function.node, ())
            found = {self.package(function.module, each) for each in returned}
            return found.pop() if len(found) == 1 else None
        owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        told = self._first(module, (*owner, *node.args))
        return told or self.package(module, node.func)


def _is_literal(node: ast.expr | None) -> bool:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    return all(isinstance(each, ast.Constant) for each in parts)


def _of_origin(origin: str) -> str | None:
    """Return the package of which a name from elsewhere is the version."""
    owner, _, name = origin.rpartition(".")
    if name == "__version__" and owner:
        return owner.partition(".")[0]
    package = origin.partition(".")[0]
    is_standard = package in sys.stdlib_module_names and package != "builtins"
    return "other" if is_standard and owner else None
