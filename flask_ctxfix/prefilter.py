"""The bytes of files, as fast as they can be had: before anything is parsed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flask_ctxfix.source import Source, SourceError

_BUFFER_SIZE = 1 << 20
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def mentions_flask(paths: Sequence[str]) -> tuple[list[str], list[SourceError]]:
    """Return the files that hold ``flask``, and those that could not be read.

    Every import of Flask and of its extensions spells it in lower case.
    """
    mentioning: list[str] = []
    errors: list[SourceError] = []
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        try:
            size = _read_into(buffer, path)
        except OSError as error:
            errors.append(SourceError(path, None, f"cannot read: {error.strerror}"))
            continue
        if buffer.find(b"flask", 0, size) >= 0:
            mentioning.append(path)
    return mentioning, errors


def contents(paths: Iterable[str], sources: Mapping[str, Source]) -> Iterator[tuple[str, bytes]]:
    """Yield the readable files with their bytes: those of `sources`, or else those on the disk."""
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        if path in sources:
            yield path, sources[path].data
            continue
        try:
            size = _read_into(buffer, path)
        except OSError:
            continue
        yield path, bytes(buffer[:size])


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
