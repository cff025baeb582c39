"""One file: its bytes, its text, and the way back."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read: `text` is `data` decoded, without a byte order mark."""

    path: str
    data: bytes
    text: str
    encoding: str
    byte_order_mark: bool

    def encode(self, text: str) -> bytes:
        """Return `text` as this file would hold it, in its encoding and with its mark."""
        raise NotImplementedError


def read(path: str) -> Source:
    """Read and decode a file as CPython does: byte order mark, encoding cookie, UTF-8 otherwise.

    Raises SourceError.
    """
    raise NotImplementedError
