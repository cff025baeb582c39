"""The bytes of files, as fast as they can be had: before anything is parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from flask_ctxfix.flask_facts import BUILT_ON_FLASK
from flask_ctxfix.source import Source, SourceError

_BUFFER_SIZE = 1 << 20
_BUILT_ON_FLASK = tuple(sorted(map(str.encode, BUILT_ON_FLASK)))
_IS_NAMED = re.compile(rb"\b(?:" + b"|".join(_BUILT_ON_FLASK) + rb")\b")
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def mentions_flask(
    paths: Iterable[str], sources: Mapping[str, Source]
) -> tuple[bool, list[SourceError]]:
    """Whether a file names Flask or what builds on it, and which were unreadable until then.

    Every import of Flask and of its extensions spells it in lower case.
    """
    errors: list[SourceError] = []
    filled = _filled(paths, sources, errors)
    return any(_mentions(buffer, size) for _, buffer, size in filled), errors


def _mentions(buffer: bytes | bytearray, size: int) -> bool:
    if buffer.find(b"flask", 0, size) >= 0:
        return True
    found = any(buffer.find(each, 0, size) >= 0 for each in _BUILT_ON_FLASK)
    return found and _IS_NAMED.search(buffer, 0, size) is not None


def contents(
    paths: Iterable[str], sources: Mapping[str, Source], errors: list[SourceError]
) -> Iterator[tuple[str, bytes]]:
    """Yield the files with their bytes: those of `sources`, or else those on the disk.

    Those that cannot be read are added to `errors`.
    """
    for path, buffer, size in _filled(paths, sources, errors):
        yield path, bytes(buffer[:size])


def _filled(
    paths: Iterable[str], sources: Mapping[str, Source], errors: list[SourceError]
) -> Iterator[tuple[str, bytes | bytearray, int]]:
    """Yield the files with what holds their bytes until the next one, and how many these are."""
    buffer = bytearray(_BUFFER_SIZE)
    for path in paths:
        if path in sources:
            data = sources[path].data
            yield path, data, len(data)
            continue
        try:
            size = _read_into(buffer, path)
        except OSError as error:
            errors.append(SourceError(path, None, f"cannot read: {error.strerror}"))
            continue
        yield path, buffer, size


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
