"""What is no readable, writable, decodable file is named in one line, and the rest goes on."""

import os
import resource
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flask_ctxfix.apply import Journal, write
from flask_ctxfix.discovery import discover
from flask_ctxfix.prefilter import contents, mentions_flask
from flask_ctxfix.source import SourceError, read

NOBODY = 65534


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a folder that every user can reach, with one good file; it is the current one."""
    before = Path.cwd()
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "good.py").write_bytes(b"import flask\n")
    os.chdir(folder)
    yield folder
    os.chdir(before)
    shutil.rmtree(folder)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run as a user whom permissions bind, which they do not do to root."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


def looked_at() -> tuple[list[str], list[str]]:
    """Return the good files of the current folder, and what is said of the others."""
    files, errors = discover(["."], exclude=(), gitignore=True)
    good = [path for path, data in contents(files, {}, errors) if b"flask" in data]
    return good, [str(error) for error in errors]


def refusal(path: str) -> str:
    with pytest.raises(SourceError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_fifo_is_never_waited_for(shared: Path):
    os.mkfifo("pipe.py")
    assert looked_at() == (["good.py"], ["pipe.py: cannot read: a FIFO, not a regular file"])
    assert refusal("pipe.py") == "pipe.py: cannot read: not a regular file"


def test_a_file_that_turns_into_a_fifo_is_never_waited_for(shared: Path):
    os.mkfifo("pipe.py")
    assert mentions_flask(["pipe.py", "good.py"], {}) == (True, [])


def test_sockets_and_devices_are_named(shared: Path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("listener.py")
        assert looked_at() == (
            ["good.py"],
            ["listener.py: cannot read: a socket, not a regular file"],
        )
    _, errors = discover(["/dev/null"], exclude=(), gitignore=True)
    assert [str(error) for error in errors] == [
        "/dev/null: cannot read: a device, not a regular file"
    ]
    assert refusal("/dev/null") == "/dev/null: cannot read: not a regular file"


def test_a_folder_is_no_source(shared: Path):
    Path("folder.py").mkdir()
    assert looked_at() == (["good.py"], [])
    assert refusal("folder.py") == "folder.py: cannot read: Is a directory"


def test_dangling_and_cyclic_links_are_named(shared: Path):
    Path("dangling.py").symlink_to("nowhere")
    Path("one.py").symlink_to("two.py")
    Path("two.py").symlink_to("one.py")
    cyclic = "cannot follow the symbolic link: Too many levels of symbolic links"
    assert looked_at() == (
        ["good.py"],
        [
            "dangling.py: cannot follow the symbolic link: No such file or directory",
            f"one.py: {cyclic}",
            f"two.py: {cyclic}",
        ],
    )
    _, errors = discover(["one.py"], exclude=(), gitignore=True)
    assert [str(error) for error in errors] == [f"one.py: {cyclic}"]


def test_a_missing_path_is_named(shared: Path):
    files, errors = discover(["missing", "good.py"], exclude=(), gitignore=True)
    assert files == ["good.py"]
    assert [str(error) for error in errors] == ["missing: cannot read: No such file or directory"]
    assert refusal("missing") == "missing: cannot read: No such file or directory"


def test_a_file_that_goes_between_listing_and_reading_is_named(shared: Path):
    Path("gone.py").touch()
    files, _ = discover(["."], exclude=(), gitignore=True)
    Path("gone.py").unlink()
    is_mentioned, errors = mentions_flask(files, {})
    assert is_mentioned
    assert [str(error) for error in errors] == ["gone.py: cannot read: No such file or directory"]


def test_unreadable_files_and_folders_are_named(shared: Path):
    Path("secret.py").touch()
    Path("folder").mkdir()
    Path("folder/a.py").touch()
    for path in ("secret.py", "folder"):
        Path(path).chmod(0)
    with unprivileged():
        assert looked_at() == (
            ["good.py"],
            [
                "folder: cannot read the folder: Permission denied",
                "secret.py: cannot read: Permission denied",
            ],
        )
        assert refusal("secret.py") == "secret.py: cannot read: Permission denied"
    Path("folder").chmod(0o700)


def test_a_folder_that_may_be_listed_but_not_entered_is_named(shared: Path):
    Path("folder").mkdir()
    Path("folder/a.py").touch()
    os.mkfifo("folder/b.py")
    Path("folder").chmod(0o744)
    with unprivileged():
        good, errors = looked_at()
    Path("folder").chmod(0o700)
    assert good == ["good.py"]
    assert sorted(errors) == [
        "folder/a.py: cannot read: Permission denied",
        "folder/b.py: cannot read: Permission denied",
    ]


def test_a_read_only_file_is_not_replaced_although_its_folder_could(shared: Path):
    Path("good.py").chmod(0o444)
    shared.chmod(0o777)
    with unprivileged(), pytest.raises(SourceError) as caught:
        write(read("good.py"), b"new")
    assert str(caught.value) == "good.py: cannot write: Permission denied"
    assert Path("good.py").read_bytes() == b"import flask\n"
    assert names() == ["good.py"]


def test_a_file_in_a_read_only_folder_is_not_written(shared: Path):
    Path("good.py").chmod(0o666)
    shared.chmod(0o555)
    with unprivileged(), pytest.raises(SourceError) as caught:
        write(read("good.py"), b"new")
    assert str(caught.value) == "good.py: cannot write: Permission denied"
    assert Path("good.py").read_bytes() == b"import flask\n"


def test_someone_elses_file_is_written_where_that_is_allowed(shared: Path):
    Path("good.py").chmod(0o666)
    shared.chmod(0o777)
    with unprivileged():
        write(read("good.py"), b"new")
    assert Path("good.py").read_bytes() == b"new"
    assert Path("good.py").stat().st_mode & 0o777 == 0o666


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of 64 kB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_leaves_the_file_whole_and_nothing_beside_it(tmp_path: Path):
    with small_disk(tmp_path):
        path = tmp_path / "app.py"
        path.write_bytes(b"#" * 40_000)
        with pytest.raises(SourceError) as caught:
            write(read(str(path)), b"x" * 40_000)
        assert str(caught.value) == f"{path}: cannot write: No space left on device"
        assert path.read_bytes() == b"#" * 40_000
        assert [entry.name for entry in tmp_path.iterdir()] == ["app.py"]


def test_a_size_limit_leaves_the_file_whole_and_nothing_beside_it(shared: Path):
    source = read("good.py")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(SourceError) as caught:
            write(source, b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == "good.py: cannot write: File too large"
    assert Path("good.py").read_bytes() == b"import flask\n"
    assert names() == ["good.py"]


def test_a_full_disk_stops_the_journal(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Path("long.py").write_bytes(b"#" * 100_000)
    with small_disk(tmp_path):
        journal = Journal(".")
        with pytest.raises(SourceError) as caught:
            journal.record([(read("long.py"), b"new")])
        cause = "cannot write the journal, so no file was changed: No space left on device"
        assert str(caught.value) == f"{journal.path}: {cause}"
        assert list(journal.path.parent.iterdir()) == []


def test_a_file_that_changed_since_it_was_read_is_not_written(shared: Path):
    source = read("good.py")
    Path("good.py").write_bytes(b"import flask  # edited\n")
    with pytest.raises(SourceError) as caught:
        write(source, b"new")
    assert str(caught.value) == "good.py: cannot write: it has changed since it was read"
    assert Path("good.py").read_bytes() == b"import flask  # edited\n"
    assert names() == ["good.py"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"a = 1\n\0",
            "bad.py:2: cannot read: it contains a NUL byte, as binary and UTF-16 files do",
        ),
        (
            b"a = 1\nb = 'caf\xe9'\n",
            "bad.py:2: cannot decode: byte 0xe9 is not valid UTF-8, and it declares no encoding",
        ),
        (
            b"# coding: klingon\n",
            'bad.py:1: cannot decode: "klingon" is not an encoding of Python source',
        ),
        (b"# coding: ascii\n\n'\xc3\xa9'", "bad.py:3: cannot decode: byte 0xc3 is not valid ascii"),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            "bad.py:1: cannot decode: it declares latin-1, but starts with a UTF-8 byte order mark",
        ),
        (
            "a = 1\n".encode("utf-16"),
            "bad.py:1: cannot read: it contains a NUL byte, as binary and UTF-16 files do",
        ),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(shared: Path, data, said):
    Path("bad.py").write_bytes(data)
    assert refusal("bad.py") == said


def test_one_line_of_two_megabytes_is_read_and_written(shared: Path):
    data = b"x = '" + b"flask " * 350_000 + b"'"
    Path("long.py").write_bytes(data)
    assert looked_at() == (["good.py", "long.py"], [])
    source = read("long.py")
    assert source.encode(source.text) == data
    write(source, data + b"\n")
    assert Path("long.py").read_bytes() == data + b"\n"
