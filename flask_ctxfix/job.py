"""What is done to each file of a run. It is pickled to wherever that happens."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from flask_ctxfix.codemod import Codemod, Finding, Fix, Survey
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module, deep_calls
from flask_ctxfix.module_files import ModuleFiles
from flask_ctxfix.outcome import FileResult, Located
from flask_ctxfix.project import Project
from flask_ctxfix.projects import Projects
from flask_ctxfix.records import replace
from flask_ctxfix.source import Source, SourceError
from flask_ctxfix.suppression import reported

Result = TypeVar("Result")

_ROUNDS = 10
_numbers = itertools.count()
# What this process, or the one that it is a fork of, has read for a job, by the job's token.
_read: dict[tuple[int, int], Project] = {}


class RuleError(SourceError):
    """A rule failed on a file: a bug in the rule. `details` is the traceback."""

    details = ""


class Surveyed(NamedTuple):
    """What the codemods that the file at `path` concerns, by name, have to know of it."""

    path: str
    surveys: dict[str, Survey | None]

    @property
    def leads(self) -> Iterator[tuple[str, frozenset[str]]]:
        """The leads of all surveys, each with the name of its codemod."""
        for name, survey in self.surveys.items():
            yield from ((name, lead) for lead in (survey.leads if survey else ()))


@dataclass
class Job:
    """The same for all files: what to look for, and how far to go.

    `paths` are the files that matter; `modules` tells which module each file of the run is, and
    `projects` how each is to be searched; `sources` are those whose text is not the one on the
    disk; `counts_contexts` has each result say where its functions run. `led` and `surveys`, by
    codemod, are filled by surveying: the files that leads lead to, and what is known of all;
    `pinned` grows as long as some group of fixes turns out not to be possible in all files. `token`
    tells jobs apart.
    """

    paths: frozenset[str]
    modules: ModuleFiles
    codemods: Sequence[Codemod]
    projects: Projects
    rewrites: bool
    sources: Mapping[str, Source]
    counts_contexts: bool = False
    led: dict[str, set[str]] = field(default_factory=dict)
    surveys: dict[str, list[object]] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()
    token: tuple[int, int] = field(default_factory=lambda: (os.getpid(), next(_numbers)))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the parsed modules behind when this goes to another process."""
        return {name: value for name, value in vars(self).items() if name != "project"}

    @cached_property
    def project(self) -> Project:
        """The files that matter, as far as this process, or the one it is a fork of, read them."""
        if self.token not in _read:
            if self.token[0] != os.getpid():  # a process that works for one job after the other
                _forget(*_read)
            _read[self.token] = Project(
                self.paths, sources=self.sources, files=self.modules, projects=self.projects
            )
        project = _read[self.token]
        project.surveys = self.surveys
        return project

    def forget(self) -> None:
        """Let go of what was read."""
        _forget(self.token)

    def survey(self, paths: Sequence[str]) -> list[Surveyed | SourceError]:
        """Parse each file and collect what the rules have to know of it."""
        return [_attempt(path, self._survey) for path in paths]

    def find(self, paths: Iterable[str]) -> Iterator[FileResult | SourceError]:
        """Yield what is wrong in each file."""
        return (_attempt(path, self._result) for path in paths)

    def is_fixable(self, result: FileResult | SourceError) -> bool:
        """Whether something in a file is to be rewritten."""
        if not self.rewrites or isinstance(result, SourceError):
            return False
        fixes = (located.finding.fix for located in result.findings)
        settings = self.projects.settings(result.path)
        is_own = any(fix is not None and settings.allows(fix.applicability) for fix in fixes)
        return is_own or bool(result.moved)

    def rewrite(self, paths: Sequence[str]) -> list[FileResult | SourceError]:
        """Return what becomes of each file in which something is to be rewritten."""
        return [_attempt(path, self._rewritten) for path in paths]

    def _survey(self, path: str) -> Surveyed:
        module = self.project.module(path)
        target = self.projects.target(path).target
        with deep_calls():
            surveys = {
                codemod.name: codemod.survey(module, self.project, target)
                for codemod in self._concerned(path)
            }
        return Surveyed(path, surveys)

    def _concerned(self, path: str) -> list[Codemod]:
        """Return the codemods that a file concerns, by the names in its code or by a lead."""
        target = self.projects.target(path).target
        return [
            codemod
            for codemod in self.codemods
            if path in self._files_of(codemod, target) or path in self.led.get(codemod.name, ())
        ]

    def _files_of(self, codemod: Codemod, target: TargetVersion) -> frozenset[str]:
        """Return the files whose code holds names of a codemod that count for a target."""

        def compute() -> frozenset[str]:
            names = codemod.names_for(target)
            project = self.project
            files = project.paths if names is None else project.index.naming_any(names)
            return files if codemod.in_tests else files - project.tests

        return self.project.memo(("files of", codemod.name, target), compute)

    def _found(self, path: str) -> list[Finding]:
        """Return what is found in a file, as this process or the one it is a fork of found it."""

        def compute() -> list[Finding]:
            self.project.pinned = self.pinned
            return self._find(self.project.module(path), self._concerned(path))

        return self.project.memo(("found", path, self.pinned), compute)

    def _found_again(self, module: Module) -> list[Finding]:
        """Return what is found in a rewritten file, which may concern more codemods than before."""
        before, names = self._concerned(module.path), module.names
        is_test = self.project.is_test(module.path)
        target = self.projects.target(module.path).target

        def is_concerned(codemod: Codemod) -> bool:
            wanted = codemod.names_for(target)
            is_named = wanted is None or not wanted.isdisjoint(names)
            return codemod in before or (is_named and (codemod.in_tests or not is_test))

        return self._find(module, filter(is_concerned, self.codemods))

    def _result(self, path: str) -> FileResult:
        """Return what is found in a file, which stays as it is."""

        def compute() -> FileResult:
            self.project.bounds.clear()
            found = self._found(path)
            module = self.project.module(path)
            fixable = self._fixable(module, found)
            findings = _shown(self._located(module, found))
            return FileResult(
                module.source,
                module.source,
                findings,
                findings,
                parts=_parts(found),
                moved=_groups(fixable),
                blocked=_groups(finding for finding in found if finding not in fixable),
                bounds=Counter(self.project.bounds),
                contexts=self._contexts(module),
            )

        return self.project.memo(("result", path, self.pinned), compute)

    def _contexts(self, module: Module) -> Counter[str]:
        """Count the functions of which nobody knows where they run; tests call what they like."""
        if not self.counts_contexts or self.project.is_test(module.path):
            return Counter()
        from flask_ctxfix.context_flow import ContextFlow

        with deep_calls():
            return ContextFlow.of(self.project).count(module)

    def _rewritten(self, path: str) -> FileResult:
        unchanged = self._result(path)
        module = self.project.module(path)
        self.project.pinned = self.pinned
        self.project.bounds.clear()
        rewritten = _attempt(path, lambda _: self._rewrite(module, self._found(path)))
        if isinstance(rewritten, SourceError):
            return unchanged.left_alone(rewritten)
        after, remaining, refused = rewritten
        located = self._located(after, remaining)
        after.forget()
        return replace(
            unchanged,
            after=after.source,
            remaining=_shown(located),
            refused=tuple(each for each in located if each.finding in refused),
            parts=_parts(remaining),
            blocked=unchanged.blocked | _groups(refused.values()),
            bounds=unchanged.bounds + self.project.bounds,
        )

    def _find(self, module: Module, codemods: Iterable[Codemod]) -> list[Finding]:
        settings = self.projects.settings(module.path)
        target = self.projects.target(module.path).target
        self.project.thread_fix = settings.thread_fix
        rules = (rule for codemod in codemods for rule in codemod.rules)
        with deep_calls():
            found = [
                finding
                for rule in rules
                if settings.selects(rule.code)
                for finding in rule.find(module, self.project, target)
            ]
        return sorted(found, key=lambda finding: (finding.span, finding.code))

    def _located(self, module: Module, found: Sequence[Finding]) -> tuple[Located, ...]:
        settings = self.projects.settings(module.path)
        return tuple(_locate(module, finding) for finding in reported(module, found, settings))

    def _fixable(self, module: Module, found: Sequence[Finding]) -> list[Finding]:
        settings = self.projects.settings(module.path)
        return [
            finding
            for finding in reported(module, found, settings)
            if finding.fix is not None and settings.allows(finding.fix.applicability)
        ]

    def _rewrite(
        self, module: Module, found: list[Finding]
    ) -> tuple[Module, list[Finding], dict[Finding, Finding]]:
        """Apply fixes as long as there are any, and return the module and findings of that text.

        With them, what was refused: the findings without the fix, by which they were with it.
        """
        from flask_ctxfix.attempts import attempt, without_fixes

        for _ in range(_ROUNDS):
            fixable = self._fixable(module, found)
            made = attempt(module, found, fixable, self._found_again, self.project)
            if made.module is module:
                left = without_fixes(found, made.refused)
                pairs = zip(left, found, strict=True)
                return module, left, {new: old for new, old in pairs if new is not old}
            module, found = made.module, made.found
        return module, found, {}


def _forget(*tokens: tuple[int, int]) -> None:
    for token in tokens:
        project = _read.pop(token, None)
        if project is not None:
            project.forget()


def _shown(located: Iterable[Located]) -> tuple[Located, ...]:
    """Return what is reported: no lines of a defect that stands in another file."""
    return tuple(each for each in located if not each.finding.is_part)


def _parts(found: Iterable[Finding]) -> tuple[Fix, ...]:
    fixes = (finding.fix for finding in found if finding.is_part)
    return tuple(fix for fix in fixes if fix is not None)


def _groups(findings: Iterable[Finding]) -> frozenset[str]:
    fixes = (finding.fix for finding in findings if finding.fix is not None)
    return frozenset(group for fix in fixes for group in fix.groups)


def _locate(module: Module, finding: Finding) -> Located:
    start = module.position(finding.span.start)
    return Located(finding, start, module.position(finding.span.end), module.line(start[0]))


def _attempt(path: str, work: Callable[[str], Result]) -> Result | SourceError:
    """Do `work`; whatever goes wrong with one file must not end the run."""
    try:
        return work(path)
    except SourceError as error:
        return error
    except RecursionError:
        return SourceError(path, None, "cannot analyse: nested too deeply")
    except Exception as error:
        import traceback

        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"in {last.name}; --verbose shows the traceback"
        cause = f"internal error: {type(error).__name__}: {error} ({where})"
        failure = RuleError(path, None, " ".join(cause.split()))
        failure.details = traceback.format_exc()
        return failure
