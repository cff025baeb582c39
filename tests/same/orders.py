"""Runs of the tool in which files, rules and questions come in an order by chance."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from flask_ctxfix import engine, reports
from flask_ctxfix.codemod import Codemod, Finding, Rule
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.outcome import Outcome
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.settings import load
from flask_ctxfix.source import SourceError
from tests.conftest import family

Fixable = tuple[str, int, str | None]


class Curious(Rule):
    """Finds nothing, but asks about functions and values of the project before other rules do."""

    code = "CTX999"
    name = "curious"
    message = "nothing is wrong"

    def __init__(self, seed: int, questions: int) -> None:
        self._seed = seed
        self._questions = questions

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        random = Random(f"{self._seed} {module.path}")
        paths = sorted(path for path in project.paths if path.endswith(".py"))
        for _ in range(self._questions):
            try:
                asked = random.choice([module, project.module(random.choice(paths))])
                _ask(project, asked, random)
            except SourceError:
                continue
        yield from ()


def _ask(project: Project, module: Module, random: Random) -> None:
    functions = [*module.scopes.nodes(ast.FunctionDef), *module.scopes.nodes(ast.Lambda)]
    expressions = [*module.scopes.nodes(ast.Call), *module.scopes.nodes(ast.Attribute)]
    flow = ContextFlow.of(project)
    if functions:
        function = random.choice(functions)
        value = Function(module, function)
        questions: list[Callable[[], object]] = [
            lambda: flow.needs.of(value),
            lambda: flow.values.result(value),
            lambda: flow.reachability.of_function(module, function),
            lambda: flow.every_caller.of_function(module, function),
        ]
        random.choice(questions)()
    if expressions:
        node = random.choice(expressions)
        questions = [
            lambda: flow.values.of(module, node),
            lambda: RequestData.of_project(project).of(module, node),
            lambda: flow.reachability.of(module, node),
            lambda: flow.every_caller.of(module, node),
        ]
        random.choice(questions)()


class Shuffled(Executor):
    """Does what it is given in small parts, in an order by chance, here or in an executor."""

    def __init__(self, random: Random, inner: Executor | None = None) -> None:
        self._random = random
        self._inner = inner

    def map(self, fn: Any, *iterables: Iterable[Any], **options: Any) -> Iterator[Any]:
        """Return what `fn`, which takes a list and returns one, makes of each list."""
        lists = list(zip(*iterables, strict=True))
        items = [(which, item) for which, (items,) in enumerate(lists) for item in items]
        places = list(range(len(items)))
        self._random.shuffle(places)
        made: dict[int, Any] = {}
        for part, results in self._done(fn, items, self._parts(places)):
            made.update(zip(part, results, strict=True))
        for which in range(len(lists)):
            yield [made[place] for place, (owner, _) in enumerate(items) if owner == which]

    def _parts(self, places: list[int]) -> list[list[int]]:
        parts = []
        while places:
            size = self._random.randint(1, 4)
            parts.append(places[:size])
            places = places[size:]
        return parts

    def _done(
        self, fn: Any, items: list[tuple[int, Any]], parts: list[list[int]]
    ) -> Iterator[tuple[list[int], Any]]:
        lists = [[items[place][1] for place in part] for part in parts]
        if self._inner is None:
            yield from zip(parts, map(fn, lists), strict=True)
            return
        futures = [self._inner.submit(fn, each) for each in lists]
        yield from zip(parts, (future.result() for future in futures), strict=True)


def mixed(codemods: list[Codemod], seed: int, questions: int) -> list[Codemod]:
    """Return the codemods and their rules in an order by chance, and among them curious ones."""
    random = Random(seed)
    found = []
    for codemod in random.sample(codemods, len(codemods)):
        rules = [*codemod.rules, Curious(seed, questions)]
        mixed_rules = random.sample(rules, len(rules))
        other = family(codemod.name, mixed_rules, codemod.names, codemod.survey)
        found.append(replace(other, names_since=codemod.names_since, in_tests=codemod.in_tests))
    return found


def run(*paths: str, executor: Executor | None = None) -> Outcome:
    """Search below the current folder, as the command does."""
    settings = load({"paths": list(paths or ["."]), "output-format": "json"})
    return engine.run(settings, "list", executor=executor)


def run_mixed(seed: int, *, inner: Executor | None = None, questions: int = 4) -> Outcome:
    """Search below the current folder in the order of `seed`."""
    codemods = mixed(engine.load_codemods(), seed, questions)
    with patch.object(engine, "load_codemods", lambda: codemods):
        return run(executor=Shuffled(Random(seed), inner))


def answer(outcome: Outcome) -> bytes:
    """Return all that a run says of the files, as bytes."""
    errors = "".join(f"{error}\n" for error in outcome.errors)
    settings = load({"output-format": "json"})
    return reports.render(outcome, settings, colour=False) + errors.encode()


def findings(outcome: Outcome) -> list[str]:
    """Return all that reports are made of; to make one takes as long as the search."""
    found = [repr(each) for result in outcome.results for each in result.remaining]
    return [*found, *(str(error) for error in outcome.errors)]


def fixes(outcome: Outcome) -> dict[str, list[Fixable]]:
    """Return for each file with findings what is wrong in which line, and which fix that has."""
    found: dict[str, list[Fixable]] = {}
    for result in outcome.results:
        for located in result.findings:
            finding = located.finding
            kind = finding.fix.applicability if finding.fix else None
            found.setdefault(finding.filename, []).append((finding.code, located.start[0], kind))
    return found


def by_file(outcome: Outcome) -> dict[str, list[Any]]:
    """Return what the report says of each file of which it says something."""
    found: dict[str, list[Any]] = {}
    for finding in json.loads(
        reports.render(outcome, load({"output-format": "json"}), colour=False)
    ):
        found.setdefault(finding["filename"], []).append(finding)
    return found


def places(outcome: Outcome, code: str = "") -> list[str]:
    """Return where findings are whose code begins with `code`: the file and the function."""
    return sorted(
        f"{located.finding.filename} {_around(result.before.text, located.start[0])}"
        for result in outcome.results
        for located in result.findings
        if located.finding.code.startswith(code)
    )


def _around(text: str, row: int) -> str:
    """Return the name of the outermost function that holds a line."""
    functions = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    held = (f.name for f in functions if f.lineno <= row <= (f.end_lineno or 0))
    return next(held, "")


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
