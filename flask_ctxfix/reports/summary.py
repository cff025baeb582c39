"""What a run comes to, in a few words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_ctxfix.flask_detection import Detected
    from flask_ctxfix.outcome import Outcome
    from flask_ctxfix.settings import Settings

# The one reason that is an answer: all of these contexts are known.
SEVERAL = "it runs in several contexts"
# How many projects of one target are named.
_NAMED = 3


def render(outcome: Outcome, settings: Settings) -> str:
    """Return how many findings there are, were fixed or can be, and for which Flask."""
    return "\n".join(_sentences(outcome, settings))


def targets(outcome: Outcome) -> dict[Detected, list[str]]:
    """Return which Flasks the findings are for, and the projects that are for each."""
    found = (result.before.path for result in outcome.results if result.findings)
    places: dict[Detected, list[str]] = {}
    for folder, detected in outcome.projects.targets(found):
        places.setdefault(detected, []).append(os.path.relpath(folder))
    return places


def contexts(outcome: Outcome) -> str:
    """Return of how many functions it is known where they run, and why not of the others."""
    every = outcome.contexts
    if not every:
        return ""
    known = f"{every[''] + every[SEVERAL]} of {count(sum(every.values()), 'function')}"
    in_several = f", {every[SEVERAL]} of them in several" if every[SEVERAL] else ""
    lines = [f"{known} run in a known context{in_several}"]
    unknown = sorted((-number, why) for why, number in every.items() if why not in ("", SEVERAL))
    lines += [f"{count(-n, 'function')} with an unknown context: {why}" for n, why in unknown]
    return "".join(f"note: {line}\n" for line in lines)


def count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sentences(outcome: Outcome, settings: Settings) -> Iterator[str]:
    found = sum(len(result.findings) for result in outcome.results)
    changed = sum(result.is_changed for result in outcome.results)
    if outcome.is_interrupted:
        yield "Interrupted: what follows is what was done before."
    if outcome.errors:
        yield f"{count(len(outcome.errors), 'error')}: see above."
    if found:
        yield f"{_found(outcome, found, changed)}."
    elif outcome.files:
        yield f"No findings in {count(outcome.files, 'file')}."
    else:
        yield f"Nothing was searched{'' if outcome.errors else ': no Python file was found'}."
    if outcome.mode == "apply" and changed:
        yield f"To take it back: flask-ctxfix --undo{_elsewhere(settings.root)}"
    yield from _targets(outcome)


def _elsewhere(root: str) -> str:
    """Return what --undo needs to find a project that the current folder is not in."""
    path = os.path.relpath(root)
    return "" if {".", ".."}.issuperset(path.split("/")) else f" {path}"


def _targets(outcome: Outcome) -> Iterator[str]:
    """Yield which Flask the findings are for; with the projects, where they are for several."""
    places = targets(outcome)
    for detected, folders in places.items():
        more = f", and {len(folders) - _NAMED} more" if len(folders) > _NAMED else ""
        where = f" of {', '.join(folders[:_NAMED])}{more}" if len(places) > 1 else ""
        reason = "see the warning" if detected.is_too_old else detected.reason
        yield f"Target{where}: Flask {detected.target} ({reason})."


def _found(outcome: Outcome, found: int, changed: int) -> str:
    remaining = [located.finding for result in outcome.results for located in result.remaining]
    fixes = [(finding.fix, finding.filename) for finding in remaining if finding.fix is not None]
    unsafe = sum(
        not outcome.projects.settings(path).allows(fix.applicability) for fix, path in fixes
    )
    more = f", {unsafe} more with --unsafe-fixes" if unsafe else ""
    if outcome.mode == "list":
        files = sum(bool(result.findings) for result in outcome.results)
        places = (
            f"{files} of {outcome.files} files" if files < outcome.files else count(files, "file")
        )
        findings = f"{count(found, 'finding')} in {places}"
        return f"{findings}, {len(fixes) - unsafe} fixable with --apply{more}"
    fixed = count(found - len(remaining), "finding")
    would_be = "would be " if outcome.mode == "diff" else ""
    return f"{fixed} {would_be}fixed in {count(changed, 'file')}, {len(remaining)} left{more}"
