"""What every rule says about itself: its docstring is complete, and its example is true."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

import pytest
from flask_ctxfix.codemods.removed_apis import CODEMOD

from flask_ctxfix.codemod import Rule, by_code
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Project
from flask_ctxfix.rewrite import rewrite

HEADINGS = [
    "What it finds",
    "What goes wrong",
    "Before",
    "After",
    "When the fix is safe",
    "What changes",
    "Sources",
]
RULES = by_code([CODEMOD])
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def docstring(rule: Rule) -> str:
    return inspect.getdoc(type(rule)) or ""


def section(rule: Rule, heading: str) -> str:
    """Return the text under a heading, dedented."""
    parts = re.split(rf"^({'|'.join(HEADINGS)})\n\n", docstring(rule), flags=re.MULTILINE)
    return textwrap.dedent(parts[parts.index(heading) + 1]).rstrip("\n") + "\n"


@every_rule
def test_docstring_has_the_headings_in_order(rule: Rule) -> None:
    lines = docstring(rule).splitlines()
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert re.fullmatch(r"\S.*\.", lines[0])
    assert all(section(rule, heading).strip() for heading in HEADINGS)


@every_rule
def test_code_name_and_message(rule: Rule) -> None:
    assert re.fullmatch(r"CTX\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+([-.][a-z0-9]+)*", rule.name)
    assert rule.message and "\n" not in rule.message


@every_rule
def test_before_is_rewritten_to_after(rule: Rule, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(section(rule, "Before"))
    project = Project([str(path)])
    module = project.module(str(path))
    assert CODEMOD.survey is not None
    target = TargetVersion.parse("3.1")
    surveyed = CODEMOD.survey(module, project, target)
    project.surveys[CODEMOD.name] = [surveyed.facts] if surveyed is not None else []
    findings = [finding for each in CODEMOD.rules for finding in each.find(module, project, target)]
    assert rule.code in {finding.code for finding in findings}
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    assert rewrite(module, fixes) == section(rule, "After")


@every_rule
def test_after_can_be_imported(rule: Rule) -> None:
    exec(compile(section(rule, "After"), rule.code, "exec"), {"__name__": "example"})
