"""Write docs/rules.md from what the rules say about themselves: ``python docs/generate.py``."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getdoc
from pathlib import Path

from flask_ctxfix.codemod import Codemod, Rule, by_code
from flask_ctxfix.engine import load_codemods

PAGE = Path(__file__).with_name("rules.md")
INTRODUCTION = """\
# Rules

`flask-ctxfix --explain CODE` prints what stands here of a rule. From an error message to its rule:
[Symptoms](symptoms.md).
"""
NOTE = "<!-- Written by docs/generate.py from the docstrings of the rules. -->\n"


def page() -> str:
    """Return the page, in Markdown: an index by family, and a section for each rule."""
    families = sorted(load_codemods(), key=lambda codemod: min(by_code([codemod])))
    return "\n".join([INTRODUCTION, *map(index, families), *map(sections, families), NOTE])


def index(codemod: Codemod) -> str:
    """Return the table of a family, under a link to its rules."""
    title = title_of(codemod)
    anchor = re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-")
    rows = map(row, by_code([codemod]).values())
    head = ["| Code | Name | What it finds | Level | Fix |", "|---|---|---|---|---|"]
    return "\n".join([f"**[{title}](#{anchor})**\n", *head, *rows, ""])


def title_of(codemod: Codemod) -> str:
    """Return the first words of the docstring of a family."""
    return (import_module(codemod.home.rpartition(".")[0]).__doc__ or "").partition(":")[0]


def row(rule: Rule) -> str:
    """Return the line of a rule in a table."""
    fix = "yes" if "\nAfter\n" in docstring(rule) else "no"
    named = f"[{rule.code}](#{rule.code.lower()}) | {rule.name} | {rule.message}"
    return f"| {named} | {', '.join(rule.levels)} | {fix} |"


def sections(codemod: Codemod) -> str:
    """Return what the rules of a family say about themselves, under its title."""
    rules = by_code([codemod]).values()
    return "\n".join([f"## {title_of(codemod)}\n", *map(section, rules)])


def section(rule: Rule) -> str:
    """Return what a rule says about itself; each line that is a paragraph becomes a heading."""
    text = re.sub(r"(?m)(?<=\n\n)([A-Z][a-z ]+)(?=\n\n)", r"#### \1", docstring(rule))
    return f"### {rule.code}\n\n`{rule.name}`. {text}\n"


def docstring(rule: Rule) -> str:
    """Return what a rule says about itself."""
    return getdoc(type(rule)) or ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
