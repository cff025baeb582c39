"""Write docs/rules.md from what the rules say about themselves: ``python docs/generate.py``."""

from __future__ import annotations

import re
from inspect import getdoc
from pathlib import Path

from flask_ctxfix.codemod import Rule, by_code
from flask_ctxfix.engine import load_codemods

PAGE = Path(__file__).with_name("rules.md")
INTRODUCTION = """\
# Rules

Written by `docs/generate.py` from the docstrings of the rules; `flask-ctxfix --explain CODE` prints
one of them.
"""


def page() -> str:
    """Return the page, in Markdown."""
    rules = by_code(load_codemods()).values()
    table = ["| Code | Name | Message |", "|---|---|---|", *map(row, rules)]
    return "\n".join([INTRODUCTION, *table, "", *map(section, rules)])


def row(rule: Rule) -> str:
    """Return the line of a rule in the table."""
    return f"| [{rule.code}](#{rule.code.lower()}) | {rule.name} | {rule.message} |"


def section(rule: Rule) -> str:
    """Return what a rule says about itself; each line that is a paragraph becomes a heading."""
    text = re.sub(r"(?m)(?<=\n\n)([A-Z][a-z ]+)(?=\n\n)", r"### \1", getdoc(type(rule)) or "")
    return f"## {rule.code}\n\n`{rule.name}`. {text}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
