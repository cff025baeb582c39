"""Every case under fixtures/: `before` is rewritten to exactly `after`, and runs as it should.

A case is a folder with `before/` and `after/` (left out where nothing may change), `case.toml`,
and, where it can be executed, `run.py` with what it has to print in `expected.txt`. The keys of
`case.toml`:

* `target`: the target version ("3.1"); `unsafe_fixes`: whether unsafe fixes are made too (false);
* `thread_fix`: what threads get that read a request, "safest", "wrap" or "values" ("safest");
* `findings`: those in `before`, as "CODE path:row safe|unsafe|report" ([]);
* `left`: those in `after` that have a fix which is not to be made yet ([]);
* `versions`: the Flask versions that `after` is for (["2.2", "2.3", "3.0", "3.1"]);
* `select`: the codes that are asked for, as findings of level info have to be (every code);
* `symptom`: what `before` shows where Flask has removed what it uses (an error that names it);
  false where it prints the same as `after`;
* `requires`: packages other than Flask that `run.py` imports; it is not run where one is missing;
* `open`: a bug of the tool that the case shows and that is not mended yet;
* `same`: whether `before` prints the same on a Flask that still has the stacks (true where it is
  about an API that Flask has removed; the rest is as wrong there).
"""

from __future__ import annotations

import ast
import codecs
import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flask_ctxfix import engine, reports
from flask_ctxfix.codemod import Finding, Level, Rule, Step
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.outcome import Located
from flask_ctxfix.settings import Settings
from flask_ctxfix.source import Span

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).with_name("fixtures")
FLASK = ".".join(version("flask").split(".")[:2])
HAS_STACKS = FLASK in ("2.2", "2.3")
REMOVED = r"_ctx_stack|_lookup_(req|app)_object|_find_app|_ctx_err_msg"
SYMPTOM = rf"(Import|Attribute|Name)Error(!|.*({REMOVED}))"


@dataclass(frozen=True, eq=False)
class Case:
    folder: Path
    options: dict[str, Any]

    @property
    def before(self) -> Path:
        return self.folder / "before"

    @property
    def after(self) -> Path:
        after = self.folder / "after"
        return after if after.is_dir() else self.before

    def refactored(self, tree: Path) -> tuple[dict[str, bytes], list[str]]:
        """Return the files of `tree` after a run with the options of the case, and the findings."""
        unsafe = self.options.get("unsafe_fixes", False)
        select = tuple(self.options.get("select", ()))
        thread_fix = self.options.get("thread_fix", "safest")
        return refactored(tree, self.options.get("target", "3.1"), unsafe, select, thread_fix)

    @property
    def script(self) -> Path:
        return self.folder / "run.py"

    @property
    def runs(self) -> bool:
        versions = self.options.get("versions", ["2.2", "2.3", "3.0", "3.1"])
        needed = self.options.get("requires", [])
        is_there = all(find_spec(name) is not None for name in needed)
        return self.script.exists() and FLASK in versions and is_there


def _case(folder: Path) -> Case:
    file = folder / "case.toml"
    return Case(folder, tomllib.loads(file.read_text()) if file.exists() else {})


CASES = {
    f"{before.parts[-3]}/{before.parts[-2]}": _case(before.parent)
    for before in sorted(FIXTURES.glob("*/*/before"))
}
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.xfail(reason=case.options["open"], strict=True))
        if "open" in case.options
        else case
        for case in CASES.values()
    ],
    ids=CASES.keys(),
)
every_run = pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.runs],
    ids=[name for name, case in CASES.items() if case.runs],
)


def files_of(tree: Path) -> dict[str, bytes]:
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@functools.cache
def refactored(
    tree: Path, target: str, unsafe: bool, select: tuple[str, ...], thread_fix: str
) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of `tree` as the fixes leave them, and the findings that it had."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(tree, Path(folder) / "project")
        (copy / "setup.cfg").touch()  # the mark of a project: what lies around it is not its
        settings = Settings(
            paths=(str(copy),),
            target_version=TargetVersion.parse(target),
            unsafe_fixes=unsafe,
            select=select,
            thread_fix=thread_fix,
        )
        outcome = engine.run(settings, "diff")
        (copy / "setup.cfg").unlink()
        files = files_of(copy)
    assert outcome.errors == []
    assert not any(result.refused for result in outcome.results)
    for result in outcome.results:
        files[Path(result.after.path).relative_to(copy).as_posix()] = result.after.data
    every = [located for result in outcome.results for located in result.findings]
    return files, [described(located, copy) for located in every]


def described(located: Located, tree: Path) -> str:
    finding = located.finding
    path = Path(finding.filename).relative_to(tree).as_posix()
    fix = "report" if finding.fix is None else finding.fix.applicability
    return f"{finding.code} {path}:{located.start[0]} {fix}"


@functools.cache
def outcomes() -> dict[tuple[Path, Path, bool], str]:
    """Run every script against `before` and `after`, in one subprocess; return what they print."""
    jobs = [
        (case.script, tree, strict)
        for case in CASES.values()
        if case.runs
        for tree in {case.before, case.after}
        for strict in (True, False)[: 2 if HAS_STACKS else 1]
    ]
    done = subprocess.run(
        [sys.executable, "-B", str(FIXTURES / "run_cases.py")],
        input=json.dumps([{"script": str(s), "tree": str(t), "strict": w} for s, t, w in jobs]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return dict(zip(jobs, json.loads(done.stdout), strict=True))


@every_case
def test_rewrites_before_to_after(case: Case) -> None:
    assert case.refactored(case.before)[0] == files_of(case.after)


@every_case
def test_findings(case: Case) -> None:
    assert case.refactored(case.before)[1] == case.options.get("findings", [])


@every_case
def test_second_run_changes_nothing(case: Case) -> None:
    files, findings = case.refactored(case.after)
    assert files == files_of(case.after)
    done = (" safe", " unsafe") if case.options.get("unsafe_fixes") else (" safe",)
    left = [finding for finding in findings if finding.endswith(done)]
    assert left == case.options.get("left", [])


@every_run
def test_before_shows_the_symptom(case: Case) -> None:
    if case.after == case.before:
        pytest.skip("nothing is rewritten")
    output = outcomes()[case.script, case.before, True]
    expected = (case.folder / "expected.txt").read_text()
    symptom = case.options.get("symptom", SYMPTOM)
    if symptom is False:
        assert output == expected
    else:
        assert re.search(f"{symptom}|DeprecationWarning" if HAS_STACKS else symptom, output)
        assert output != expected


@every_run
def test_after_prints_what_is_expected(case: Case) -> None:
    expected = (case.folder / "expected.txt").read_text()
    assert outcomes()[case.script, case.after, True] == expected


@every_run
@pytest.mark.skipif(not HAS_STACKS, reason="this Flask has removed the stacks")
def test_before_used_to_print_the_same(case: Case) -> None:
    """A missing context may raise a RuntimeError where it raised an AttributeError."""
    if not case.options.get("same", not re.match("CTX[^4]", case.folder.parent.name)):
        pytest.skip("the case says that the outcome changes")
    output = outcomes()[case.script, case.before, False]
    expected = (case.folder / "expected.txt").read_text()
    assert _same_error(output) == _same_error(expected)


def _same_error(output: str) -> str:
    return output.replace("AttributeError!", "RuntimeError!")


# Of removed APIs, the line shows all. Signals are sent, and data is kept, in one context.
WITH_PATHS = ("CTX1", "CTX2", "CTX3", "CTX5", "CTX6")
WITHOUT_START = ("CTX103", "CTX3", "CTX5")


@every_case
def test_paths_lead_to_what_goes_wrong(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding is given a path, which is left out only where one line shows all of it."""
    given: dict[tuple[str, str, Span], tuple[Step, ...]] = {}
    finding = Rule.finding

    def recorded(
        rule: Rule, module: Module, level: Level, node: ast.AST, message: str, *rest: Any
    ) -> Finding:
        found = finding(rule, module, level, node, message, *rest)
        given[found.code, found.filename, found.span] = rest[2] if len(rest) > 2 else ()
        return found

    monkeypatch.setattr(Rule, "finding", recorded)
    tree = shutil.copytree(case.before, tmp_path / "project")
    (tree / "setup.cfg").touch()
    target = TargetVersion.parse(case.options.get("target", "3.1"))
    settings = Settings(paths=(str(tree),), target_version=target, select=("CTX",))
    located = [each for result in engine.run(settings, "list").results for each in result.findings]
    for found in (each.finding for each in located):
        if found.is_part or not found.code.startswith(WITH_PATHS):
            continue
        path = found.path or given[found.code, found.filename, found.span]
        assert path, found.message
        is_started = any(step.role == "boundary" for step in path)
        assert is_started or found.code.startswith(WITHOUT_START), found.message
        assert len({*path}) == len(path)
        for step in path:
            assert _code_at(step) == step.code


def _code_at(step: Step) -> str:
    lines = Path(step.filename).read_text().splitlines(keepends=True)[step.row - 1 : step.end_row]
    lines[-1] = lines[-1][: step.end_column - 1]
    lines[0] = lines[0][step.column - 1 :]
    return "".join(lines)


# Those of one fix, and some of fixes that are made together or leave an import without a use.
TOLD_AS_JSON = {
    name: case
    for name, case in CASES.items()
    if sum(not each.endswith(" report") for each in case.options.get("findings", ())) == 1
    or name in {"CTX402/attribute-across-files", "CTX402/form-a-cache-on-context"}
}


@pytest.mark.parametrize("case", TOLD_AS_JSON.values(), ids=TOLD_AS_JSON.keys())
def test_the_edits_in_json_are_the_whole_change(case: Case, tmp_path: Path) -> None:
    tree = shutil.copytree(case.before, tmp_path / "project")
    (tree / "setup.cfg").touch()
    for _ in case.options["findings"]:
        for edit in reversed(next(_edits_in_json(case, tree), [])):
            _make(edit)
    (tree / "setup.cfg").unlink()
    assert files_of(tree) == files_of(case.after)


def _edits_in_json(case: Case, tree: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the edits of each finding that is to be fixed, as JSON tells them.

    Where an import is found that goes with its last use, it is that use that has the edits.
    """
    settings = Settings(
        paths=(str(tree),),
        target_version=TargetVersion.parse(case.options.get("target", "3.1")),
        select=tuple(case.options.get("select", ())),
        thread_fix=case.options.get("thread_fix", "safest"),
        output_format="json",
    )
    report = reports.render(engine.run(settings, "list"), settings, colour=False)
    wanted = {"safe", "unsafe"} if case.options.get("unsafe_fixes") else {"safe"}
    fixes = (finding["fix"] for finding in json.loads(report))
    edits = (fix["edits"] for fix in fixes if fix and fix["applicability"] in wanted)
    yield from filter(None, edits)


def _make(edit: dict[str, Any]) -> None:
    path = Path(edit["filename"])
    data = path.read_bytes()
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", data[len(mark) :].decode())
    lines[edit["location"]["row"] - 1 : edit["end_location"]["row"] - 1] = [edit["content"]]
    path.write_bytes(mark + "".join(lines).encode())
