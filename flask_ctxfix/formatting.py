"""New code, broken into lines that are no longer than its project has them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_INDENT = "    "
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_HEADER = re.compile(r"(async|class|def|elif|else|except|finally|for|if|try|while|with)\b")
_LAYOUT = frozenset({tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.ENDMARKER})
# What stands before a value, which may be put into parentheses of its own.
_BEFORE_VALUE = frozenset({"=", "return", "if", "elif", "while"})
# What a value is parted at, the loosest first.
_PARTING = tuple(map(frozenset, (("if", "else"), ("or",), ("and",), ("|",), ("+",))))


def broken(old: str, new: str, length: int) -> str:
    """Return the lines of `new` with those broken that are new, and longer than `length`.

    They are broken as Black does. A line stays that holds several statements or a comment, and all
    stay where `old` has lines that are too long itself.
    """
    known = {line for line, _ in _LINE.findall(old)}
    lines = _LINE.findall(new)
    is_long = [len(line) > length and line not in known for line, _ in lines]
    if not any(is_long) or any(len(line) > length for line in known):
        return new
    rows = _rows_of_statements(new)
    made = (
        newline.join(_broken_line(line, length) if row in rows and is_new else [line]) + newline
        for row, ((line, newline), is_new) in enumerate(zip(lines, is_long, strict=True), 1)
    )
    return "".join(made)


def _rows_of_statements(code: str) -> set[int]:
    """Return the rows from 1 that hold one statement, or the header of one, and no comment."""
    rows: list[int] = []
    others: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(code, newline=None).readline):
            if token.type == tokenize.COMMENT or token.string == ";":
                others.add(token.start[0])
            elif token.type == tokenize.NEWLINE:
                rows.append(token.start[0])
            elif token.type not in _LAYOUT and token.start[0] != token.end[0]:
                others.update(range(token.start[0], token.end[0] + 1))
    except (tokenize.TokenError, IndentationError):
        pass  # the piece is the inside of a block: its end is no end of a file
    return {row for row in rows if row not in others}


def _broken_line(line: str, length: int) -> list[str]:
    code = line.lstrip()
    made = _parted(line[: len(line) - len(code)], code, length, is_statement=True)
    return made if made is not None and _means_the_same(code, made) else [line]


def _means_the_same(code: str, made: list[str]) -> bool:
    """Whether lines are the statement, or the header of one, that `code` is."""
    new = "\n".join(made).lstrip()
    return _dump(code) == _dump(new) is not None


def _dump(code: str) -> str | None:
    before, after = "", ""
    if _HEADER.match(code):
        is_second = code.startswith(("elif", "else"))
        before, after = ("if x: pass\n" if is_second else ""), " pass"
    elif code.startswith("@"):
        after = "\ndef f(): pass"
    try:
        return ast.dump(ast.parse(before + code + after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Word(NamedTuple):
    """A token of a line outside of all brackets. Brackets are one, with all that they hold."""

    text: str
    start: int
    end: int

    @property
    def is_bracket(self) -> bool:
        return self.text[0] in "([{" and len(self.text) > 2


def _words(code: str) -> list[_Word]:
    """Return the words of a line; none if brackets are left open."""
    words: list[_Word] = []
    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            start, end = token.start[1], token.end[1]
            if token.start[0] > 1 or not token.string.strip():
                break
            if token.string in ("(", "[", "{"):
                opened.append(start)
                continue
            if token.string in (")", "]", "}") and opened:
                start = opened.pop()
            if not opened:
                words.append(_Word(code[start:end], start, end))
    except (tokenize.TokenError, IndentationError):
        return []
    return words


def _parted(
    indentation: str, code: str, length: int, *, is_statement: bool = False
) -> list[str] | None:
    """Return the lines that code is broken into; None if there is no place for it."""
    words = _words(code)
    if is_statement:
        wrapped = _in_parentheses(code, words)
        if wrapped is not None:
            return _at_bracket(indentation, *wrapped, length)
    if words and words[0].text == "lambda":
        at = next(word.end for word in words if word.text == ":")
        value = code[at:].strip()
        if _parts_of(value) is not None:
            return _at_bracket(indentation, f"{code[:at]} (", value, ")", length)
    for word in reversed(words):
        if word.is_bracket:
            body = code[word.start + 1 : word.end - 1].strip()
            head, tail = code[: word.start + 1], code[word.end - 1 :]
            if max(len(head), len(tail)) + len(indentation) <= length and body:
                return _at_bracket(indentation, head, body, tail, length)
    return None


def _in_parentheses(code: str, words: list[_Word]) -> tuple[str, str, str] | None:
    """Return what stands before, in and behind the parentheses that a value gets of its own."""
    if words[:1] and words[0].text == "from":
        at = next((word.end for word in words if word.text == "import"), None)
        is_open = at is not None and not code[at:].lstrip().startswith(("(", "*"))
        return (f"{code[:at]} (", f"{code[at:].strip()},", ")") if is_open else None
    before = [word for word in words if word.text in _BEFORE_VALUE]
    first = words[0].text if words else ""
    start = before[0].end if first in _BEFORE_VALUE else None
    if first not in _BEFORE_VALUE:
        assigning = [word.end for word in before if word.text == "="]
        start = assigning[-1] if assigning else None
    if start is None:
        return None
    end = words[-1].start if words[-1].text == ":" else len(code)
    value = code[start:end].strip()
    if _parts_of(value) is None or any(word.text == "," for word in _words(value)):
        return None
    return f"{code[:start]} (", value, f"){code[end:]}"


def _at_bracket(indentation: str, head: str, body: str, tail: str, length: int) -> list[str]:
    """Return the lines of a bracket: its inside on one of its own, or else on several."""
    inner = indentation + ("\t" if "\t" in indentation else _INDENT)
    lines = [inner + body]
    if len(lines[0]) > length or body.endswith(","):
        items = _items(body)
        lines = [inner + each for each in items or [body]]
        lines = [line for each in lines for line in _fitted(each, length)]
    return [indentation + head, *lines, indentation + tail]


def _fitted(line: str, length: int) -> Iterator[str]:
    """Yield the lines of an item, broken again if it is too long."""
    code = line.lstrip()
    indentation, comma = line[: len(line) - len(code)], "," if code.endswith(",") else ""
    made = None
    if len(line) > length:
        bare = code.removesuffix(",")
        parts = _parts_of(bare)
        made = parts and [indentation + part for part in parts]
        made = made or _parted(indentation, bare, length - len(comma))
    if made is None:
        yield line
    else:
        yield from made[:-1]
        yield made[-1] + comma


def _items(body: str) -> list[str] | None:
    """Return the items of a bracket, each with its comma, or the parts of the one value in it."""
    words = _words(body)
    if any(word.text == "for" for word in words):
        at = next(i for i, word in enumerate(words) if word.text == "for")
        at -= words[at - 1].text == "async"
        starts = [w.start for w in words[at:] if w.text in ("for", "if", "async")]
        return _cut(body, [s for s in starts if not body[:s].endswith("async ")])
    commas = [word.end for word in words if word.text == ","]
    if commas:
        return [f"{each.removesuffix(',')}," for each in _cut(body, commas) if each]
    return _parts_of(body)


def _parts_of(value: str) -> list[str] | None:
    """Return the parts that operators join, or a choice between values has; None if none do."""
    words = _words(value)
    if any(word.text == "lambda" for word in words):
        return None
    for marks in _PARTING:
        starts = [word.start for word in words if word.text in marks]
        if starts:
            return _cut(value, starts)
    return None


def _cut(text: str, places: list[int]) -> list[str]:
    borders = [0, *places, len(text)]
    return [text[one:two].strip() for one, two in pairwise(borders)]
