"""The engine's test double: rules that flag a name, and whose fix puts another in its place."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import (
    Applicability,
    Codemod,
    Finding,
    Fix,
    Level,
    ReplaceExpression,
    Rule,
    Survey,
)
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

Write = Callable[[dict[str, str | bytes]], None]


class Renaming(Rule):
    """A name is old.

    What it finds

    The name.
    """

    message = "a name is old"

    def __init__(
        self,
        code: str,
        old: str,
        new: str | None,
        level: Level = "error",
        applicability: Applicability = "safe",
    ) -> None:
        self.code = code  # type: ignore[misc]
        self.name = f"old-{old}"  # type: ignore[misc]
        self._old = old
        self._new = new
        self._level = level
        self._applicability = applicability

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id == self._old:
                yield self._finding(module, node)

    def _finding(self, module: Module, node: ast.AST) -> Finding:
        span = module.span(node)
        fix = None
        if self._new is not None:
            edits = (ReplaceExpression(span, self._new),)
            reason = None if self._applicability == "safe" else "it is new"
            fix = Fix(f"use {self._new}", edits, unsafe_reason=reason)
        message = f"`{self._old}` is old"
        advice = f"mind the `{self._old}`"
        place = (module.path, span)
        return Finding(self.code, self.name, self._level, message, *place, help=advice, fix=fix)


class Exported(Renaming):
    """Another module imports a name that stands for an old one."""

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        names = {name for facts in project.surveys["toy"] for name in facts}  # type: ignore[attr-defined]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.alias) and node.name in names:
                yield self._finding(module, node)


class Chosen(Renaming):
    """The settings choose the new name."""

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        self._new = f"by_{project.thread_fix}"
        yield from super().find(module, project, target)


class Failing(Renaming):
    """A rule with a bug."""

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        for _ in super().find(module, project, target):
            raise ValueError("a bug\nof two lines")
        yield from ()


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    names = [
        node.targets[0].id
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Name)
    ]
    leads = frozenset(frozenset({name}) for name in names)
    return Survey(names, leads)


class Family(Codemod):
    """A family that has its rules with it, and no home."""

    held: tuple[Rule, ...] = ()
    surveyor: Callable[[Module, Project, TargetVersion], Survey | None] | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.held

    def survey(self, module: Module, project: Project, target: TargetVersion) -> Survey | None:
        return self.surveyor(module, project, target) if self.surveyor is not None else None


def family(
    name: str,
    rules: Iterable[Rule],
    names: frozenset[str] | None,
    survey: Callable[[Module, Project, TargetVersion], Survey | None] | None = None,
) -> Family:
    return Family(name, "", names, held=tuple(rules), surveyor=survey)


TOY = family(
    "toy",
    rules=(
        Renaming("TOY101", "old", "new"),
        Renaming("TOY102", "risky", "secure", "warning", "unsafe"),
        Renaming("TOY103", "note", None, "info"),
        Renaming("TOY104", "manual", None),
        Exported("TOY105", "exported", None),
        Chosen("TOY106", "chosen", ""),
        Renaming("TOY201", "stays", "(stays)"),
        Renaming("TOY202", "worse", "manual"),
        Renaming("TOY203", "broken", "return_"),
        Failing("TOY204", "crash", None),
    ),
    names=frozenset(
        {"old", "risky", "note", "manual", "stays", "worse", "broken", "crash", "chosen"}
    ),
    survey=survey,
)


@pytest.fixture
def other_toy() -> Codemod:
    """A second family, which looks at other files."""
    rules = (Renaming("TOY301", "second", None),)
    return family("other", rules, frozenset({"rare"}))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Codemod:
    """Have the engine load the toy rules only."""
    monkeypatch.setattr(engine, "load_codemods", lambda: [TOY])
    return TOY


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Make an empty folder the current one, and return what writes files into it."""
    folder = tmp_path / "tree"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def write(files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-fix", action="store_true", help="try all fixes, not a sample")
    parser.addoption("--programs", metavar="FOLDER", help="try the fixes of the programs there")
