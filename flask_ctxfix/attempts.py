"""Which of the fixes of a file can be made together: what does not stand the proof is left out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.codemod import Finding, Fix, RewriteError
from flask_ctxfix.source import SourceError

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project

Find = Callable[["Module"], list[Finding]]


class Attempt(NamedTuple):
    """A module after some fixes, and what is found in it; `refused` are others, with the reason."""

    module: Module
    found: list[Finding]
    refused: dict[Fix, str]


def attempt(
    module: Module,
    found: list[Finding],
    fixable: Sequence[Finding],
    find: Find,
    project: Project | None = None,
) -> Attempt:
    """Make the fixes of the findings `fixable` that stand the proof; `find` searches a module.

    A fix that meets another one waits for the next time, unless that one is refused.
    """
    from flask_ctxfix.rewrite import without_conflicts

    best = Attempt(module, found, {})
    waiting = [finding.fix for finding in fixable if finding.fix is not None]
    while fixes := without_conflicts([fix for fix in waiting if fix not in best.refused]):
        search = _Search(module, found, fixable, find, best, project)
        if search.add([], fixes):
            return search.best
        best = search.best
    return best


class _Search:
    """Looks for the fixes that can be made; `best` is what came of those found so far."""

    def __init__(
        self,
        module: Module,
        found: list[Finding],
        fixable: Sequence[Finding],
        find: Find,
        best: Attempt,
        project: Project | None,
    ) -> None:
        self._module = module
        self._found = found
        self._fixable = fixable
        self._find = find
        self.best = best
        self._project = project

    def add(self, kept: list[Fix], more: list[Fix]) -> list[Fix]:
        """Return `kept` with those of `more` that can be made too, tried in ever smaller parts."""
        try:
            module, found = self._made([*kept, *more])
        except (RewriteError, SourceError, RecursionError) as error:
            middle = self._middle(more, is_too_deep=isinstance(error, RecursionError))
            if middle is None:
                self.best.refused.update(dict.fromkeys(more, _cause(error)))
                return kept
            return self.add(self.add(kept, more[:middle]), more[middle:])
        self.best = self.best._replace(module=module, found=found)
        return [*kept, *more]

    def _middle(self, fixes: list[Fix], *, is_too_deep: bool) -> int | None:
        """Return where to part fixes; None if that is no use.

        What is nested too deeply in one statement is as deep for each of its fixes.
        """
        half = len(fixes) // 2
        if not is_too_deep:
            return half or None
        homes = [self._home(fix) for fix in fixes]
        borders = [at for at in range(1, len(fixes)) if homes[at] != homes[at - 1]]
        return min(borders, key=lambda at: abs(at - half), default=None)

    def _home(self, fix: Fix) -> int:
        """Return which statement of the module holds the first edit of a fix."""
        first = min((edit.span.start for edit in fix.edits), default=0)
        starts = [self._module.span(statement).start for statement in self._module.tree.body]
        return bisect_right(starts, first)

    def _made(self, fixes: list[Fix]) -> tuple[Module, list[Finding]]:
        """Return the module with all of `fixes`, and what is found in it, if that is sound."""
        from flask_ctxfix.rewrite import rewrite
        from flask_ctxfix.verify import verify

        text = rewrite(self._module, fixes, self._project)
        if text == self._module.text:
            return self._module, self._found
        try:
            after = self._module.with_text(text)
        except SourceError as error:
            cause = f"the fixed file would have an error in line {error.line}: {error.cause}"
            raise RewriteError(cause) from None
        remaining = self._find(after)
        applied = [finding for finding in self._fixable if finding.fix in fixes]
        verify(self._module, after, self._found, remaining, applied)
        return after, remaining


def _cause(error: RewriteError | SourceError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the code is nested too deeply to be rewritten"
    return error.cause if isinstance(error, SourceError) else str(error)


def without_fixes(found: Sequence[Finding], refused: dict[Fix, str]) -> list[Finding]:
    """Return the findings; those whose fix was refused without it, and with the reason."""
    return [
        finding.without_fix(refused[finding.fix])
        if finding.fix is not None and finding.fix in refused
        else finding
        for finding in found
    ]
