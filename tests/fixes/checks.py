"""What may be wrong with the fixes of one program, as (kind, what), in all ways that we know.

The kinds are

* "starts": a module can no longer be imported, or not yet although nothing is left to fix;
* "fails": a visit, a thread of it or a line of a script fails that did not;
* "values": a visit is answered with another status or another body;
* "lint": Ruff finds more;
* "announced": a fix is listed and not made;
* "unsaid": a second run finds what the first has fixed, as it said;
* "found": a search of the result finds what was not there;
* "again": a second run makes changes.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_ctxfix import engine
from flask_ctxfix.outcome import Located, Outcome
from flask_ctxfix.records import replace
from tests.fixes.collected import Program
from tests.test_fixtures import SYMPTOM, files_of

Fault = tuple[str, str]
Files = dict[str, bytes]

RUFF = ("F401", "F811", "F821", "I001")
OWN_CONFIGURATION = ("ruff.toml", ".ruff.toml")
FAILING = re.compile(r"^\w*(?:Error|Exception)\b.*|.*(?:Error!|\b500\b).*", re.MULTILINE)
BROKEN_OFF = "Traceback (most recent call last)"
MARK = "setup.cfg"  # of a project: what lies around it is not its


@dataclass(frozen=True)
class Fixed:
    """A program before and after `--apply`; `again` is the second one, which is to do nothing."""

    program: Program
    folder: Path
    is_unsafe: bool
    listed: Outcome
    applied: Outcome
    again: Outcome
    before: Path
    after: Path
    files: Files
    files_again: Files


def fixed(program: Program, folder: Path, is_unsafe: bool) -> Fixed | None:
    """Apply the fixes of a program, twice, to a copy below `folder`.

    None where no fix of this variant is listed: there is nothing to try.
    """
    before, after = _copy(program, folder / "before"), _copy(program, folder / "after")
    settings = program.settings(after, is_unsafe)
    listed = engine.run(settings, "list")
    if not any(_fix_of(each) == ("unsafe" if is_unsafe else "safe") for each in _findings(listed)):
        return None
    applied = engine.run(settings, "apply")
    files = files_of(after)
    again = engine.run(settings, "apply")
    files_again = files_of(after)
    return Fixed(
        program, folder, is_unsafe, listed, applied, again, before, after, files, files_again
    )


def _copy(program: Program, tree: Path) -> Path:
    if program.folder is not None:
        ignored = shutil.ignore_patterns("__pycache__", ".ruff_cache")
        shutil.copytree(program.folder, tree, ignore=ignored)
    tree.mkdir(parents=True, exist_ok=True)
    for name, text in program.files.items():
        (tree / name).write_text(text, encoding="utf-8")
    (tree / MARK).touch()
    return tree


def faults(run: Fixed) -> list[Fault]:
    """Return all that is wrong with the fixes of a program."""
    every = [
        *_unannounced(run),
        *_unsaid(run),
        *_found(run),
        *_changed_again(run),
        *_lint(run),
    ]
    if run.program.is_for_installed_flask:
        every += [*_worse(run), *_failing_lines(run)]
    return every


def difference(run: Fixed) -> str:
    """Return what the fixes have changed, as a unified diff."""
    before = files_of(run.before)
    return "".join(
        line if line.endswith("\n") else f"{line}\n"
        for name, data in run.files.items()
        for line in difflib.unified_diff(*map(_lines, (before[name], data)), name, name)
    )


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines(keepends=True)


# --- what the tool says ------------------------------------------------------------------------


def _unannounced(run: Fixed) -> Iterator[Fault]:
    for error in run.applied.errors:
        yield "announced", str(error)
    for result in run.applied.results:
        for located in result.refused:
            reason = located.finding.no_fix_reason
            yield "announced", f"refused: {_shown(located, run.after)}: {reason}"
        for located in result.remaining:
            if _is_made(run, located) and located not in result.refused:
                yield "announced", f"not made: {_shown(located, run.after)}"
    listed = {_place(each, run): each for each in _findings(run.listed) if _is_made(run, each)}
    applied = {_place(each, run): each for each in _findings(run.applied) if _is_made(run, each)}
    for place in listed.keys() - applied.keys():
        yield "announced", f"listed only: {_shown(listed[place], run.after)}"


def _unsaid(run: Fixed) -> Iterator[Fault]:
    left = {_place(each, run) for result in run.applied.results for each in result.remaining}
    changed = {result.path for result in run.applied.results if result.is_changed}
    for located in _findings(run.again):
        if located.finding.filename in changed and _place(located, run) not in left:
            yield "unsaid", f"not said to be left: {_shown(located, run.after)}"


def _findings(outcome: Outcome) -> Iterator[Located]:
    for result in outcome.results:
        yield from result.findings


def _fix_of(located: Located) -> str | None:
    fix = located.finding.fix
    return None if fix is None else fix.applicability


def _is_made(run: Fixed, located: Located) -> bool:
    return _fix_of(located) in ("safe", "unsafe" if run.is_unsafe else "safe")


def _place(located: Located, run: Fixed) -> tuple[str, str, tuple[int, int]]:
    finding = located.finding
    return _inside(finding.filename, run.after), finding.code, located.start


def _inside(path: str, tree: Path) -> str:
    return Path(path).relative_to(tree).as_posix()


def _shown(located: Located, tree: Path) -> str:
    finding = located.finding
    place = f"{_inside(finding.filename, tree)}:{located.start[0]}"
    return f"{place}: {finding.code} {finding.message} | {located.line.strip()}"


def _found(run: Fixed) -> Iterator[Fault]:
    """Yield the findings of the result, by any rule, that the program did not have.

    One is the same where file, code and message are: what stands in its line may be rewritten.
    """
    settings = replace(run.program.settings(run.before, run.is_unsafe), select=())
    if not run.program.options.get("select"):
        before, after = run.listed, run.again
    else:
        before = engine.run(settings, "list")
        after = engine.run(replace(settings, paths=(str(run.after),)), "list")
    trees = (run.after if before is run.listed else run.before), run.after
    counts = [
        Counter(
            (_inside(each.finding.filename, tree), each.finding.code, each.finding.message)
            for each in _findings(outcome)
        )
        for outcome, tree in zip((before, after), trees, strict=True)
    ]
    new = counts[1] - counts[0]
    for located in _findings(after):
        finding = located.finding
        if new[_inside(finding.filename, run.after), finding.code, finding.message]:
            yield "found", _shown(located, run.after)


def _changed_again(run: Fixed) -> Iterator[Fault]:
    for name in run.files.keys() | run.files_again.keys():
        if run.files.get(name) != run.files_again.get(name):
            yield "again", f"{name} is changed by a second run"


# --- what Ruff says ----------------------------------------------------------------------------


def _lint(run: Fixed) -> Iterator[Fault]:
    if run.files == files_of(run.before):
        return
    before, after = _linted(run.before), _linted(run.after)
    more = Counter(code for code, _ in after) - Counter(code for code, _ in before)
    for code, what in after:
        if more[code] and (code, what) not in before:
            yield "lint", f"{code} {what}"


def _linted(tree: Path) -> list[tuple[str, str]]:
    """Return what Ruff finds, with the configuration of the project if it has one."""
    pyproject = tree / "pyproject.toml"
    is_configured = any((tree / name).exists() for name in OWN_CONFIGURATION) or (
        pyproject.exists() and "[tool.ruff" in pyproject.read_text("utf-8")
    )
    chosen = () if is_configured else ("--isolated", "--select", ",".join(RUFF))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=json", *chosen, "."],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode < 2, done.stderr
    found = json.loads(done.stdout)
    return [
        (f"{each['code']}", f"{Path(each['filename']).name}: {each['message']}") for each in found
    ]


# --- what the program does ---------------------------------------------------------------------


class Visitor:
    """The process that imports and visits programs (visits.py), and what it has said so far."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}

    def ask(self, tree: Path, attempt: str = "", **job: str) -> dict[str, Any]:
        """Return what comes of a job (visits.py) with the program in `tree`."""
        key = (_digest(tree), attempt, *job.values())
        if key not in self._known:
            self._known[key] = self._answer(json.dumps({"tree": str(tree), **job}))
        return self._known[key]

    def _answer(self, job: str) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-B", str(Path(__file__).with_name("visits.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(job + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            self._process = None
            return {"died": "takes the process of all others with it"}
        return json.loads(line)  # type: ignore[no-any-return]


def _digest(tree: Path) -> str:
    digest = hashlib.sha256()
    for name, data in files_of(tree).items():
        if name != MARK:
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


VISITOR = Visitor()


@dataclass(frozen=True)
class Answer:
    """What came of a visit: a status or an error, the body, and the errors beside it."""

    outcome: object
    body: str
    errors: list[str]

    @property
    def is_failure(self) -> bool:
        if isinstance(self.outcome, int):
            return self.outcome == 500
        return self.outcome not in ("ok", "exit 0")

    @property
    def failures(self) -> int:
        return self.is_failure + len(self.errors)


NO_ANSWER = Answer("no such route", "", [])


def works(program: Program, folder: Path) -> bool:
    """Whether the program has something that can be run here, and that works.

    One that cannot be is only read: its fixes are looked at by the tool and by Ruff.
    """
    if not program.is_for_installed_flask:
        return False
    tree = program.case.after if program.case is not None else _copy(program, folder)
    answers = VISITOR.ask(tree).get("answers", [])
    return program.script is not None or any(not Answer(*rest).is_failure for _, *rest in answers)


def _worse(run: Fixed) -> Iterator[Fault]:
    """Yield the modules that fail, and the visits that come to less, because of the fixes."""
    before, again = VISITOR.ask(run.before), VISITOR.ask(run.before, attempt="again")
    after = VISITOR.ask(run.after)
    if "died" in before or "died" in again:
        return
    if "died" in after:
        yield "starts", after["died"]
        return
    done = {_inside(each.path, run.after) for each in run.applied.results if not each.remaining}
    for name, now in after["modules"].items():
        was = before["modules"].get(name)
        if now != "ok" and (was == "ok" or _is_new_mistake(was, now)):
            yield "starts", f"{name}: {now}, {was} before"
        elif _is_removed(now) and f"{name.replace('.', '/')}.py" in done:
            yield "starts", f"{name}: {now}, though nothing is left to fix"
    told = _told(before), _told(again), _told(after)
    is_repaired = False
    for visit in told[0]:
        before_it, again_it, after_it = (each.get(visit, NO_ANSWER) for each in told)
        every = [*_less(visit, before_it, again_it, after_it)]
        if is_repaired and any(kind == "values" for kind, _ in every):
            # Work is done that failed: what comes later may see it, unless it comes alone.
            alone = [_told(VISITOR.ask(tree, only=visit)) for tree in (run.before, run.after)]
            first, last = (each.get(visit, NO_ANSWER) for each in alone)
            every = [*_less(visit, first, again_it, last)]
        yield from every
        is_repaired = is_repaired or after_it.failures < before_it.failures


def _is_new_mistake(was: object, now: object) -> bool:
    kinds = ("NameError", "UnboundLocalError", "SyntaxError", "IndentationError")
    return str(now).startswith(kinds) and was != now


def _is_removed(was: object) -> bool:
    return re.match(SYMPTOM, str(was)) is not None


def _told(said: dict[str, Any]) -> dict[str, Answer]:
    return {visit: Answer(*rest) for visit, *rest in said.get("answers", [])}


def _less(visit: str, before: Answer, again: Answer, after: Answer) -> Iterator[Fault]:
    """Yield what a visit comes to less than `before`, but for what differs `again` by itself."""
    if before.is_failure or before.outcome != again.outcome:
        return
    if after.is_failure:
        yield "fails", f"{visit}: {before.outcome} before, {after.outcome} {after.errors} now"
    elif after.outcome != before.outcome:
        yield "values", f"{visit}: {before.outcome} before, {after.outcome} now"
    elif after.body != before.body == again.body:
        yield "values", f"{visit}: {before.body[:200]!r} before, {after.body[:200]!r} now"
    if len(after.errors) > max(len(before.errors), len(again.errors)):
        yield "fails", f"{visit}: beside it {before.errors} before, {after.errors} now"


def _failing_lines(run: Fixed) -> Iterator[Fault]:
    """Yield the lines with failures that a script prints, if they are more than they may be.

    As many as before may be, and as many as are expected of the case; a script that broke off
    before says nothing. Where the result is the `after` of the case, its own tests see to that.
    """
    program = run.program
    if program.script is None or program.case is None:
        return
    if run.files == {**files_of(program.case.after), MARK: b""}:
        return
    said = VISITOR.ask(run.after, script=str(program.script))
    if "died" in said:
        yield "fails", f"run.py {said['died']}"
        return
    expected = (program.case.folder / "expected.txt").read_text("utf-8")
    before = VISITOR.ask(run.before, script=str(program.script)).get("printed", "")
    lines = [line for line in said["printed"].splitlines() if FAILING.search(line)]
    if BROKEN_OFF not in before and len(lines) > max(
        len(FAILING.findall(text)) for text in (before, expected)
    ):
        new = [line for line in lines if line not in before.splitlines()] or lines
        yield "fails", "; ".join(f"run.py prints {line!r}" for line in new)
