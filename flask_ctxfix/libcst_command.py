"""A family of rules as a command of LibCST's own tool: ``python -m libcst.tool codemod -x …``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import libcst as cst
from libcst.codemod import CodemodCommand

from flask_ctxfix import engine
from flask_ctxfix.folders import searched_folder
from flask_ctxfix.records import replace
from flask_ctxfix.settings import Settings, load
from flask_ctxfix.source import Source, SourceError, decode

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Codemod
    from flask_ctxfix.outcome import FileResult


@cache
def command_for(codemod: Codemod, module: str, name: str) -> type[CodemodCommand]:
    """Return LibCST's command for a family, as the class `name` of `module`.

    It applies the safe fixes of the rules that the project's configuration selects, and warns of
    what remains. The project is judged as it is when a process comes to its first file.
    """
    attributes = {
        "__module__": module,
        "DESCRIPTION": f"Apply the safe fixes of the rules of {codemod.name}.",
        "codes": tuple(rule.code for rule in codemod.rules),
    }
    return type(name, (_SafeFixes,), attributes)


class _SafeFixes(CodemodCommand):
    codes: ClassVar[tuple[str, ...]]

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        """Return `tree` with the safe fixes applied. Raises SourceError."""
        path = self.context.filename or "<stdin>"
        settings = load({"paths": [path]})
        codes = tuple(code for code in self.codes if settings.selects(code))
        if not codes:
            return tree
        settings = replace(settings, select=codes, ignore=(), unsafe_fixes=False)
        result = _result(settings, path, tree.bytes)
        if isinstance(result, SourceError):
            raise result
        if result is None:
            return tree
        for located in result.remaining:
            row, column = located.start
            self.warn(f"{row}:{column}: {located.finding.code} {located.finding.message}")
        return cst.parse_module(result.after.data) if result.is_changed else tree


def _result(settings: Settings, path: str, data: bytes) -> FileResult | SourceError | None:
    result = _project(replace(settings, paths=(searched_folder(path),))).get(path)
    if isinstance(result, SourceError) or (result is not None and result.before.data == data):
        return result
    return _run(settings, decode(path, data)).get(path)


@cache
def _project(settings: Settings) -> dict[str, FileResult | SourceError]:
    """Return what becomes of each file, by path: all are judged before the first is rewritten."""
    return _run(settings)


def _run(settings: Settings, stdin: Source | None = None) -> dict[str, FileResult | SourceError]:
    # LibCST's tool has started one process a processor already.
    with ThreadPoolExecutor(max_workers=1) as executor:
        outcome = engine.run(settings, "diff", stdin=stdin, executor=executor)
    results: dict[str, FileResult | SourceError] = {}
    for error in outcome.errors:
        results[_key(error.path)] = error
    for result in outcome.results:
        results.setdefault(_key(result.before.path), result)
    return results


def _key(path: str) -> str:
    return path if path.startswith("<") else str(Path(path).absolute())
