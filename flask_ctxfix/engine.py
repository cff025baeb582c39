"""The pipeline: from paths to what was found, and what was or is to be written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from flask_ctxfix.discovery import discover
from flask_ctxfix.folders import outside_packages, searched_folder
from flask_ctxfix.outcome import FileResult, Mode, Outcome
from flask_ctxfix.prefilter import mentions_flask
from flask_ctxfix.projects import Projects
from flask_ctxfix.records import replace
from flask_ctxfix.settings import Settings, SettingsError
from flask_ctxfix.source import Source, SourceError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from flask_ctxfix.codemod import Codemod
    from flask_ctxfix.job import Job, Surveyed

Result = TypeVar("Result")

_GROUP = "flask_ctxfix.codemods"


def run(
    settings: Settings,
    mode: Mode,
    *,
    stdin: Source | None = None,
    executor: Executor | None = None,
    options: Mapping[str, object] | None = None,
    counts_contexts: bool = False,
) -> Outcome:
    """Search the files of `settings.paths` and rewrite them as `mode` says.

    With `options`, each file has the configuration of its own project, below these; without, the
    settings are for all. With `stdin`, only that source is searched and never written. The work
    goes to `executor`, or to processes of this machine where there is enough of it. What goes wrong
    with one file is among the errors of the outcome; an interrupt ends the run with what is done so
    far. If it `counts_contexts`, the outcome says of how many functions it is known where they run.

    Raises SettingsError for a code that no rule has, and for a configuration that is wrong.
    """
    outcome = Outcome(mode, projects=Projects(settings, options))
    outcome.counts_contexts = counts_contexts
    try:
        results = _search(outcome, settings, stdin, executor)
        if mode == "apply" and stdin is None:
            results = _write(outcome, settings.root, list(results))
        for result in results:
            outcome.results.append(result)
            outcome.errors += [result.error] if result.error is not None else []
    except KeyboardInterrupt:
        outcome.is_interrupted = True
    outcome.results.sort(key=lambda result: result.path)
    return outcome


def load_codemods() -> list[Codemod]:
    """Return the families of rules that are installed. Raises SettingsError."""
    from flask_ctxfix.entry_points import entry_points, load

    codemods = []
    for name, value in entry_points(_GROUP):
        try:
            codemods.append(load(value).CODEMOD)
        except Exception as error:
            raise SettingsError(f"cannot load the codemod {name} ({value}): {error}") from error
    return codemods


def _search(
    outcome: Outcome, settings: Settings, stdin: Source | None, executor: Executor | None
) -> Iterator[FileResult]:
    projects = outcome.projects
    files = _files(outcome, settings, stdin)
    chosen = projects.every(files) or [settings]
    codemods = _selected(chosen, projects) if any(each.selection() for each in chosen) else []
    roots = {searched_folder(path) for path in settings.paths}
    is_all = stdin is None and _are_among(roots, settings.paths)
    known = files if is_all or not files else _project_around(files, roots, outcome, settings)
    sources = {stdin.path: stdin} if stdin else {}
    mentions, unreadable = mentions_flask(files, sources)
    if not mentions and not mentions_flask([*{*known} - {*files}], sources)[0]:
        outcome.errors += unreadable
        return
    from flask_ctxfix.executors import uncollected
    from flask_ctxfix.job import Job
    from flask_ctxfix.module_files import ModuleFiles
    from flask_ctxfix.reach import files_that_matter, programs

    modules = ModuleFiles(known, outside_packages(os.path.commonpath(roots)))
    reach = files_that_matter(known, modules, sources)
    searched = frozenset(files)
    outcome.errors += [error for error in reach.errors if error.path in searched]
    if not reach.files:
        return
    codemods = codemods or _selected(chosen, projects)
    outcome.targets = projects.targets(files)
    with uncollected():
        rewrites = outcome.mode != "list"
        counts = outcome.counts_contexts
        for paths in programs(reach, projects.folder):
            job = Job(paths, modules, codemods, projects, rewrites, sources, counts)
            outcome.programs.update(dict.fromkeys(paths, job.project))
            try:
                groups = _survey(job, outcome, searched)
                found = _sound(_results(job, executor, groups, searched), outcome, searched)
                yield from _with_what_stays(job, found, searched)
            finally:
                job.forget()


def _selected(chosen: Sequence[Settings], projects: Projects) -> list[Codemod]:
    """Return the codemods that have a rule to run by some of the settings."""
    codemods = load_codemods()
    if not any(settings.selection() for settings in chosen):
        return codemods  # without their rules, whose imports take time
    codes = [rule.code for codemod in codemods for rule in codemod.rules]
    for settings in chosen:
        for key, prefix in settings.selection():
            if not any(code.startswith(prefix) for code in codes):
                place = projects.place_of(key, settings)
                raise SettingsError(f'{place}: unknown rule "{prefix}"; see --list-rules')
    selected = {code for code in codes if any(settings.selects(code) for settings in chosen)}
    return [c for c in codemods if any(rule.code in selected for rule in c.rules)]


def _files(outcome: Outcome, settings: Settings, stdin: Source | None) -> list[str]:
    """Return the files to search."""
    if stdin is not None:
        outcome.files = 1
        return [stdin.path]
    files, errors = discover(settings.paths, rules_in=outcome.projects.rules_in)
    outcome.files = len(files)
    outcome.errors += errors
    return files


def _are_among(folders: Iterable[str], paths: Iterable[str]) -> bool:
    """Whether each of the folders is one of the paths, however these are spelled."""
    return {*map(os.path.realpath, folders)} <= {*map(os.path.realpath, paths)}


def _project_around(
    files: list[str], roots: Collection[str], outcome: Outcome, settings: Settings
) -> list[str]:
    """Return `files` and the others below the folders `roots`, spelled alike.

    What a rule may do to one file can depend on all of them, also where only some are to be
    searched, as in a commit hook.
    """
    is_absolute = any(map(os.path.isabs, settings.paths))
    named = sorted(roots if is_absolute else map(os.path.relpath, roots))
    around, _ = discover([*files, *named], rules_in=outcome.projects.rules_in)
    return sorted({*files, *around})


def _sound(
    results: Iterable[Result | SourceError], outcome: Outcome, searched: frozenset[str]
) -> Iterator[Result]:
    """Yield the results; the errors among them go to the outcome if their file is searched."""
    for result in results:
        if not isinstance(result, SourceError):
            yield result
        elif result.path in searched:
            outcome.errors.append(result)


def _survey(job: Job, outcome: Outcome, searched: frozenset[str]) -> dict[str, frozenset[str]]:
    """Survey the files that matter, and those that what they export leads to.

    Return those that parse, with the groups of fixes that each takes part in.
    """
    surveyed: dict[str, Surveyed] = {}
    failed: set[str] = set()
    paths: Collection[str] = job.project.paths
    while paths:
        results = job.survey(sorted(paths))
        failed.update(result.path for result in results if isinstance(result, SourceError))
        new = list(_sound(results, outcome, searched))
        surveyed.update((file.path, file) for file in new)
        paths = _led_to(job, new, surveyed) - failed
    for path in sorted(surveyed):
        for name, survey in surveyed[path].surveys.items():
            if survey is not None:
                job.surveys.setdefault(name, []).append(survey.facts)
    return {
        path: frozenset(group for each in file.surveys.values() if each for group in each.groups)
        for path, file in sorted(surveyed.items())
    }


def _led_to(job: Job, new: Iterable[Surveyed], surveyed: Mapping[str, Surveyed]) -> set[str]:
    """Return the files that leads of new ones lead to and that their codemods have not surveyed."""
    found = set()
    for name, lead in {pair for file in new for pair in file.leads}:
        led = job.project.index.naming_all(lead)
        job.led.setdefault(name, set()).update(led)
        found |= {p for p in led if p not in surveyed or name not in surveyed[p].surveys}
    return found


def _results(
    job: Job,
    executor: Executor | None,
    groups: Mapping[str, frozenset[str]],
    searched: frozenset[str],
) -> Iterator[FileResult | SourceError]:
    """Search the files; again those whose groups of fixes turn out not to be possible everywhere.

    A group is pinned where a file outside of the search takes part in it, where one of its fixes is
    silenced or not allowed, and where the rewrite of a file fails.
    """
    paths = sorted(searched & groups.keys())
    outside = (names for path, names in groups.items() if path not in searched)
    job.pinned = frozenset().union(*outside)
    if not any(groups.values()):
        yield from _searched(job, executor, paths)
        return
    results: dict[str, FileResult | SourceError] = {}
    while paths:
        results.update((each.path, each) for each in _searched(job, executor, paths))
        torn = _torn(results, groups) - job.pinned
        job.pinned |= torn
        paths = [path for path in results if (groups[path] | _moved(results[path])) & torn]
    yield from results.values()


def _searched(
    job: Job, executor: Executor | None, paths: Sequence[str]
) -> Iterator[FileResult | SourceError]:
    """Yield what is found in the files, and what becomes of those that are rewritten."""
    from flask_ctxfix.executors import shared

    fixable = []
    for result in job.find(paths):
        if job.is_fixable(result):
            fixable.append(result.path)
        else:
            yield result
    yield from shared(job.rewrite, fixable, executor)


def _with_what_stays(
    job: Job, results: Iterable[FileResult], searched: frozenset[str]
) -> Iterator[FileResult]:
    """Yield the results with all that a new search of the program as it is then would find.

    The proof of a fix asks the program as it was, which knows nothing of what the new text brings,
    such as another name on `g`. So it may miss what no fix has taken away.
    """
    sources = dict(job.sources)
    doubtful = []
    for result in results:
        if result.is_changed:
            sources[result.path] = result.after
        if _loses_findings(job, result):
            doubtful.append(result)
        else:
            yield result
    if doubtful:
        yield from _searched_again(job, doubtful, sources, searched)


def _searched_again(
    job: Job, results: Sequence[FileResult], sources: Mapping[str, Source], searched: frozenset[str]
) -> Iterator[FileResult]:
    """Yield the results with what else is found in their files once these hold `sources`."""
    from flask_ctxfix.job import Job

    again = Job(job.paths, job.modules, job.codemods, job.projects, False, sources)
    try:
        _survey(again, Outcome("list"), searched)
        for result, found in zip(
            results, again.find(result.path for result in results), strict=True
        ):
            yield result if isinstance(found, SourceError) else _and_left(result, found)
    finally:
        again.forget()


def _loses_findings(job: Job, result: FileResult) -> bool:
    """Whether findings that were not to be fixed are gone from a rewritten file."""
    settings = job.projects.settings(result.path)
    stay = Counter(
        each.finding.key
        for each in result.findings
        if each.finding.fix is None or not settings.allows(each.finding.fix.applicability)
    )
    return result.is_changed and bool(stay - Counter(each.finding.key for each in result.remaining))


def _and_left(result: FileResult, found: FileResult) -> FileResult:
    """Return a result with those of the findings of a later one that are not among its own."""
    known = {each.finding.key for each in result.remaining}
    more = [each for each in found.findings if each.finding.key not in known]
    left = sorted((*result.remaining, *more), key=lambda each: each.start)
    return replace(result, remaining=tuple(left))


def _moved(result: FileResult | SourceError) -> frozenset[str]:
    return result.moved if not isinstance(result, SourceError) else frozenset()


def _torn(
    results: Mapping[str, FileResult | SourceError], groups: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the groups of which some fixes are made and others cannot be."""
    moved: set[str] = set()
    blocked: set[str] = set()
    for path, result in results.items():
        if isinstance(result, SourceError) or result.error is not None:
            blocked |= groups[path]
        else:
            moved |= result.moved
            blocked |= result.blocked
    return frozenset(moved & blocked)


def _write(outcome: Outcome, root: str, results: Sequence[FileResult]) -> Iterator[FileResult]:
    """Write what is to be written, and yield what the files hold then."""
    from flask_ctxfix.apply import Journal, write

    try:
        changed = [result for result in results if result.is_changed]
        Journal(root).record([(result.before, result.after.data) for result in changed])
    except SourceError as error:
        outcome.errors.append(error)
        yield from (result.left_alone() for result in results)
        return
    for result in results:
        try:
            if result.is_changed:
                write(result.before, result.after.data)
            yield result
        except SourceError as error:
            yield result.left_alone(error)
