"""One file: its bytes, its text, and the way back."""

from __future__ import annotations

import codecs
import os
import re
import stat
from typing import NamedTuple

from flask_ctxfix.records import Record

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
# What no label of a domain name is, and what UTF-16, EBCDIC and Punycode spell differently.
_ASCII = "..#"
_BLANK = re.compile(rb"[ \t\f]*(#.*)?", re.ASCII)


class Span(NamedTuple):
    """Half-open range of character offsets into the text of a file."""

    start: int
    end: int

    def holds(self, other: Span) -> bool:
        """Whether `other` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end


class SourceError(Exception):
    """A file that cannot be read, decoded, parsed or written.

    `line` is 1-based, or None where the cause has no line.
    """

    def __init__(self, path: str, line: int | None, cause: str) -> None:
        super().__init__(path, line, cause)
        self.path = path
        self.line = line
        self.cause = cause

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.cause}"


class Source(Record):
    """A file as it was read: `text` is without a byte order mark.

    `project` is the folder of the project that it is in, if that is known.
    """

    path: str
    text: str
    encoding: str
    byte_order_mark: bool
    project: str = ""

    @property
    def data(self) -> bytes:
        """The bytes of the file. Raises SourceError, as `encode` does, for a text of another."""
        return self.encode(self.text)

    def encode(self, text: str) -> bytes:
        """Return `text` as this file would hold it, in its encoding and with its mark.

        Raises SourceError, with the line, for a character that the encoding does not have.
        """
        try:
            data = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = _line(text[: error.start].encode("utf-8", "surrogatepass"))
            cause = f"cannot encode: {self.encoding} has no character {text[error.start]!a}"
            raise SourceError(self.path, line, cause) from None
        return codecs.BOM_UTF8 + data if self.byte_order_mark else data


def read(path: str) -> Source:
    """Read and decode a file as CPython does: byte order mark, encoding cookie, UTF-8 otherwise.

    Raises SourceError.
    """
    return decode(path, read_bytes(path))


def read_bytes(path: str) -> bytes:
    """Return the bytes of a regular file; anything else is refused without waiting for it.

    Raises SourceError.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(path, None, "cannot read: not a regular file")
            return file.read()
    except OSError as error:
        raise SourceError(path, None, f"cannot read: {error.strerror}") from None


def decode(path: str, data: bytes) -> Source:
    """Return the source that a file at `path` with these bytes is.

    Raises SourceError where CPython would not read them, and where their encoding would not give
    the same bytes back.
    """
    nul = data.find(0)
    if nul >= 0:
        cause = "cannot read: it contains a NUL byte, as binary and UTF-16 files do"
        raise SourceError(path, _line(data[:nul]), cause)
    marked = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if marked else data
    row, declared = _declared(body)
    encoding = _codec(path, row, declared, marked) if declared else "utf-8"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line(body[: error.start])
        byte = f"byte 0x{body[error.start]:02x}"
        cause = f"cannot decode: {byte} is not valid {declared or 'UTF-8'}"
        also = "" if declared else ", and it declares no encoding"
        raise SourceError(path, line, cause + also) from None
    source = Source(path, text, encoding, marked)
    if declared and source.encode(text) != data:
        cause = f"cannot use: as {declared}, it could not be written back unchanged"
        raise SourceError(path, row, cause)
    return source


def _declared(body: bytes) -> tuple[int, str]:
    """Return the encoding named by a cookie in one of the first two lines, and which line it is."""
    for row, line in enumerate(_NEWLINE.split(body, maxsplit=2)[:2], 1):
        if cookie := _COOKIE.match(line):
            return row, cookie[1].decode("ascii")
        if not _BLANK.fullmatch(line):
            break
    return 0, ""


def _codec(path: str, line: int, declared: str, marked: bool) -> str:
    name = declared.lower().replace("_", "-")
    if name.startswith("utf-8-"):
        name = "utf-8"
    elif name.startswith(("latin-1-", "iso-8859-1-", "iso-latin-1-")):
        name = "latin-1"
    try:
        encoding = codecs.lookup(name).name
        is_usable = _ASCII.encode(encoding) == _ASCII.encode()
    except (LookupError, UnicodeError):
        is_usable = False
    if not is_usable:
        cause = f'cannot decode: "{declared}" is not an encoding of Python source'
        raise SourceError(path, line, cause)
    if marked and encoding != "utf-8":
        cause = f"cannot decode: it declares {declared}, but starts with a UTF-8 byte order mark"
        raise SourceError(path, line, cause)
    return encoding


def _line(before: bytes) -> int:
    """Return the number of the line, from 1, that comes after these bytes."""
    return 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
