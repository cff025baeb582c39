"""The words of the findings of all cases: short, active, and none that the guide forbids."""

from __future__ import annotations

import ast
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import Untold, by_code
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.settings import Settings
from tests.test_fixtures import CASES, Case

FAMILIES = ("CTX1", "CTX2", "CTX3", "CTX4", "CTX5", "CTX6")
RULES = Path(__file__).parent.parent / "codemods"
LONGEST_MESSAGE = 90
LONGEST_HEADLINE = 130
LONGEST_ADVICE = 90
# What a colleague would not say, outside of code.
FORBIDDEN = re.compile(
    r"hand(s|ed|ing)?( \w+)? over|\bgoes\b|\bthe work\b|made-up|\bfor good\b|stands for nothing"
    r"|\bkin\b|functions for teardown|\bnow\b|deprecated or gone|\bwhere there (is|are)\b"
    r"|\btak(e|es|en|ing) (it |them |\S+ )?out\b|\b(is|are) used (in|by|at)\b|;|:(?! `)|\.\.\.|…"
)


class Text(NamedTuple):
    """A text of a finding: which part of it, and where it was found."""

    code: str
    part: str
    text: str
    case: str
    level: str = ""


@cache
def texts() -> list[Text]:
    """Return every text of every finding of the cases."""
    return [text for name, case in CASES.items() for text in _texts_of(name, case)]


def _texts_of(name: str, case: Case) -> Iterator[Text]:
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(case.before, Path(folder) / "project")
        (copy / "setup.cfg").touch()
        settings = Settings(
            paths=(str(copy),),
            target_version=TargetVersion.parse(case.options.get("target", "3.1")),
            unsafe_fixes=case.options.get("unsafe_fixes", False),
            select=("CTX",),
            thread_fix=case.options.get("thread_fix", "safest"),
        )
        outcome = engine.run(settings, "list")
        assert outcome.errors == []
        for result in outcome.results:
            for located in result.findings:
                finding = located.finding
                place = f"{Path(finding.filename).relative_to(copy)}:{located.start[0]}:1"
                mark = " [*]" if finding.fix is not None else ""
                headline = f"{place}: {finding.code}{mark} {finding.level}: {finding.message}"
                yield Text(finding.code, "headline", headline, name)
                yield Text(finding.code, "message", finding.message, name, finding.level)
                shown = " (see `--diff --unsafe-fixes`)" if isinstance(finding.help, Untold) else ""
                yield Text(finding.code, "help", f"{finding.help}{shown}", name)
                for note in finding.notes:
                    yield Text(finding.code, "note", note, name)
                if finding.fix is not None:
                    yield Text(finding.code, "fix", finding.fix.message, name)
                if finding.fix is not None and finding.fix.unsafe_reason is not None:
                    yield Text(finding.code, "unsafe", finding.fix.unsafe_reason, name)
                if finding.no_fix_reason is not None:
                    yield Text(finding.code, "no fix", finding.no_fix_reason, name)


def written() -> Iterator[tuple[str, str]]:
    """Yield the texts that the code of rules holds, each with its file: also what no case shows.

    What is filled in stands as code does. Names of memos and code of fixes are no texts.
    """
    for path in sorted(RULES.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {
            part
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr | ast.FormattedValue)
            for part in ast.iter_child_nodes(node)
        }
        for node in ast.walk(tree):
            text = ""
            if isinstance(node, ast.JoinedStr):
                text = "".join(getattr(each, "value", "`_`") for each in map(_as_text, node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = "" if node in parts else node.value
            if text.count(" ") > 2 and "\n" not in text and re.match(r"[a-z`{]", text):
                yield path.name, re.sub(r"\{[^}]*\}", "_", text)


def _as_text(part: ast.expr) -> ast.expr:
    return part if isinstance(part, ast.Constant) else ast.Constant("`_`")


def of(family: str) -> list[Text]:
    """Return the texts of the rules of a family, and let there be some."""
    found = [text for text in texts() if text.code.startswith(family)]
    assert found
    return found


def without_code(text: str) -> str:
    """Return a text with what stands in backticks left out."""
    return re.sub(r"`[^`]*`", "`_`", text)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_are_short(family: str) -> None:
    most = {"message": LONGEST_MESSAGE, "headline": LONGEST_HEADLINE}
    long = {
        (text.code, text.part, text.text)
        for text in of(family)
        if len(text.text) > most.get(text.part, LONGEST_ADVICE)
    }
    assert long == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_text_has_words_that_the_guide_forbids(family: str) -> None:
    said = {
        (text.code, text.part, text.text)
        for text in of(family)
        if text.part != "headline" and FORBIDDEN.search(without_code(text.text))
    }
    assert said == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_finding_says_what_to_do(family: str) -> None:
    helps = [text for text in of(family) if text.part == "help"]
    assert {text.case for text in helps if not text.text} == set()
    assert {text.text for text in helps if re.match(r"(?!`)[^a-z]", text.text)} == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fix_says_what_it_does(family: str) -> None:
    assert {text.case for text in of(family) if text.part == "fix" and not text.text} == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_code_is_never_cut(family: str) -> None:
    """Backticks are in pairs around code, and none is left open, empty or on several lines."""
    wrong = {
        (text.code, text.part, text.text)
        for text in of(family)
        if text.text.count("`") % 2 or "``" in text.text or "\n" in text.text
    }
    assert wrong == set()


def test_no_removed_name_is_said_to_replace_itself() -> None:
    """What a removed API is replaced with, or used instead of it, does not name that API."""
    removed = re.compile(r"\b(_request_ctx_stack|_app_ctx_stack|_lookup_\w+|_find_app)\b")
    offered = {
        (text.code, text.text)
        for text in of("CTX4")
        if text.part in ("help", "fix")
        and (found := re.search(r"(?:\bwith|^use) (`[^`]*`)", text.text)) is not None
        and removed.search(found[1])
    }
    assert offered == set()


def test_what_no_case_shows_is_said_as_well() -> None:
    texts = set(written())
    assert len(texts) > 300
    assert {text for text in texts if len(text[1]) > LONGEST_ADVICE} == set()
    assert {text for text in texts if FORBIDDEN.search(without_code(text[1]))} == set()


def test_levels_of_rules() -> None:
    """The levels that the page of a rule names are those of its findings, the worst one first."""
    rules = by_code(engine.load_codemods())
    found = {(text.code, text.level) for text in texts() if text.part == "message"}
    said = {(code, level) for code, rule in rules.items() for level in rule.levels}
    assert said - found <= {("CTX503", "warning"), ("CTX503", "info")}
    assert found <= said
    order = ("error", "warning", "info")
    for rule in rules.values():
        assert [*rule.levels] == sorted(rule.levels, key=order.index), rule.code


def test_titles_of_rules() -> None:
    rules = by_code(engine.load_codemods()).values()
    titles = {rule.message for rule in rules}
    assert {title for title in titles if len(title) > LONGEST_ADVICE} == set()
    assert {title for title in titles if FORBIDDEN.search(without_code(title))} == set()
