from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_ctxfix import prefilter
from flask_ctxfix.prefilter import contents, mentions_flask
from flask_ctxfix.source import SourceError, decode

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder: Path, **contents: bytes) -> list[str]:
    paths = {name: folder / f"{name}.py" for name in contents}
    for name, data in contents.items():
        paths[name].write_bytes(data)
    return [str(path) for path in paths.values()]


def mentioning(paths: list[str]) -> list[str]:
    return [path for path in paths if mentions_flask([path], {})[0]]


def test_every_way_to_import_flask_is_a_mention(tmp_path: Path):
    paths = write(
        tmp_path,
        plain=b"from flask import Flask",
        extension=b"import flask_login",
        dynamic=b"__import__('flask')",
        other=b"import fl\nask = 1",
        empty=b"",
    )
    assert mentioning(paths) == paths[:3]
    assert mentions_flask(paths[3:], {}) == (False, [])


def test_text_that_is_not_on_the_disk_is_asked(tmp_path: Path):
    paths = write(tmp_path, plain=b"flask", other=b"fl\nask")
    sources = {path: decode(path, b"") for path in paths}
    assert mentions_flask(paths, sources) == (False, [])


def test_a_long_file_does_not_leave_bytes_for_the_next(tmp_path: Path):
    paths = write(tmp_path, first=b"flask" * 100, second=b"f")
    assert [data for _, data in contents(paths, {}, [])] == [b"flask" * 100, b"f"]


@pytest.mark.parametrize("size", [0, 1, 5, 1 << 20, (1 << 20) + 1, 5 << 19])
def test_a_word_at_the_end_of_a_file_of_any_size_is_found(tmp_path: Path, size):
    paths = write(tmp_path, with_it=b" " * size + b"flask", without=b" " * size + b"flas")
    assert mentioning(paths) == paths[:1]


def test_a_file_that_cannot_be_read_is_an_error_and_the_rest_goes_on(tmp_path: Path):
    (there,) = write(tmp_path, there=b"flask")
    gone = str(tmp_path / "gone.py")
    is_mentioned, errors = mentions_flask([gone, str(tmp_path), there], {})
    assert is_mentioned
    assert [str(error) for error in errors] == [
        f"{gone}: cannot read: No such file or directory",
        f"{tmp_path}: cannot read: Is a directory",
    ]


@in_one_folder
@given(st.lists(st.binary(max_size=9), max_size=4))
def test_contents_are_those_on_the_disk_or_given(tmp_path: Path, texts):
    paths = write(tmp_path, **{f"m{index}": data for index, data in enumerate(texts)})
    given = {"given.py": decode("given.py", b"given"), **{p: decode(p, b"") for p in paths[:1]}}
    expected = [*zip(paths, [b"", *texts[1:]], strict=False), ("given.py", b"given")]
    errors: list[SourceError] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefilter, "_BUFFER_SIZE", 2)
        gone = str(tmp_path / "gone.py")
        assert [*contents([gone, *paths, "given.py"], given, errors)] == expected
    assert [error.path for error in errors] == [gone]
