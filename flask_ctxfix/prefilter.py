"""Which files hold words, on bytes: what holds none of them is never parsed."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from flask_ctxfix.source import SourceError

_BUFFER_SIZE = 1 << 20
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def mentions_flask(paths: Sequence[str]) -> tuple[list[str], list[SourceError]]:
    """Return the files that hold ``flask``, and those that could not be read.

    Every import of Flask and of its extensions spells it in lower case.
    """
    return _search(paths, lambda buffer, size: buffer.find(b"flask", 0, size) >= 0)


def holds_any(paths: Sequence[str], words: Sequence[bytes]) -> list[str]:
    """Return the readable files that hold one of the `words`."""

    def is_wanted(buffer: bytearray, size: int) -> bool:
        return any(buffer.find(word, 0, size) >= 0 for word in words)

    return _search(paths, is_wanted)[0]


def holds_all(paths: Sequence[str], leads: Collection[frozenset[bytes]]) -> list[str]:
    """Return the readable files that hold all words of one of the `leads`."""
    # Long words are rarer and are looked for faster.
    ordered = [sorted(lead, key=len, reverse=True) for lead in leads]

    def is_wanted(buffer: bytearray, size: int) -> bool:
        return any(all(buffer.find(word, 0, size) >= 0 for word in lead) for lead in ordered)

    return _search(paths, is_wanted)[0]


def contents(paths: Sequence[str], limit: int) -> dict[str, bytes] | None:
    """Return the bytes of the readable files; None if together they have more than `limit`."""
    found: dict[str, bytes] = {}
    left = limit
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        try:
            size = _read_into(buffer, path)
        except OSError:
            continue
        left -= size
        if left < 0:
            return None
        found[path] = bytes(buffer[:size])
    return found


def _search(
    paths: Sequence[str], is_wanted: Callable[[bytearray, int], bool]
) -> tuple[list[str], list[SourceError]]:
    """Return the files whose bytes are wanted; each is read into the start of one buffer."""
    wanted: list[str] = []
    errors: list[SourceError] = []
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        try:
            size = _read_into(buffer, path)
        except OSError as error:
            errors.append(SourceError(path, None, f"cannot read: {error.strerror}"))
            continue
        if is_wanted(buffer, size):
            wanted.append(path)
    return wanted, errors


def _read_into(buffer: bytearray, path: str) -> int:
    """Fill the start of `buffer`, which grows as needed, with a file; return the file's size."""
    descriptor = os.open(path, _FLAGS)
    try:
        size = os.readv(descriptor, (buffer,))
        # A regular file that does not fill the buffer has ended.
        while size == len(buffer):
            buffer.extend(bytes(size))
            with memoryview(buffer) as view:
                size += os.readv(descriptor, (view[size:],))
        return size
    finally:
        os.close(descriptor)
