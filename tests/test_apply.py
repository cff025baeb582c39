import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_ctxfix.apply import Journal, write
from flask_ctxfix.source import Source, SourceError

in_one_folder = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OLD, NEW = b"old\r\n", b"new"


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def made(path: Path, data: bytes = OLD) -> Source:
    path.write_bytes(data)
    return read_as_it_is(path)


def read_as_it_is(path: Path) -> Source:
    """Return a source without decoding: what is written does not depend on the text."""
    return Source(str(path), path.read_bytes().decode("latin-1"), "latin-1", False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@in_one_folder
@given(st.binary(), st.binary())
def test_any_bytes_are_written_as_they_are(tmp_path: Path, old, new):
    path = tmp_path / "app.py"
    write(made(path, old), new)
    assert path.read_bytes() == new
    assert names(tmp_path) == ["app.py"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o666])
def test_the_mode_is_kept(tmp_path: Path, mode):
    source = made(tmp_path / "app.py")
    Path(source.path).chmod(mode)
    write(source, NEW)
    assert stat.S_IMODE(Path(source.path).stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_are_kept(tmp_path: Path):
    source = made(tmp_path / "app.py")
    os.chown(source.path, 1234, 2345)
    write(source, NEW)
    status = Path(source.path).stat()
    assert (status.st_uid, status.st_gid) == (1234, 2345)


def test_extended_attributes_are_kept(tmp_path: Path):
    source = made(tmp_path / "app.py")
    try:
        os.setxattr(source.path, "user.origin", b"here")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    write(source, NEW)
    assert os.getxattr(source.path, "user.origin") == b"here"


@pytest.mark.parametrize("lack", [AttributeError, OSError(errno.ENOTSUP, "not supported")])
def test_a_system_without_extended_attributes_will_do(tmp_path: Path, monkeypatch, lack):
    def listxattr(path):
        raise lack

    monkeypatch.setattr(os, "listxattr", listxattr)
    source = made(tmp_path / "app.py")
    write(source, NEW)
    assert Path(source.path).read_bytes() == NEW


def test_a_link_stays_and_its_target_is_written(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere/app.py"
    made(target)
    link = tmp_path / "link.py"
    link.symlink_to("elsewhere/app.py")
    write(read_as_it_is(link), NEW)
    assert link.readlink() == Path("elsewhere/app.py")
    assert target.read_bytes() == NEW
    assert names(tmp_path / "elsewhere") == ["app.py"]


def test_a_hard_link_is_refused(tmp_path: Path):
    source = made(tmp_path / "app.py")
    os.link(source.path, tmp_path / "other.py")
    with pytest.raises(SourceError, match=r"app\.py: cannot write: it has 2 hard links"):
        write(source, NEW)
    assert (tmp_path / "other.py").read_bytes() == (tmp_path / "app.py").read_bytes() == OLD
    assert Path(source.path).samefile(tmp_path / "other.py")
    assert names(tmp_path) == ["app.py", "other.py"]


def test_a_file_that_changed_since_is_not_written(tmp_path: Path):
    source = made(tmp_path / "app.py")
    Path(source.path).write_bytes(b"edited")
    with pytest.raises(SourceError) as caught:
        write(source, NEW)
    assert str(caught.value) == f"{source.path}: cannot write: it has changed since it was read"
    assert Path(source.path).read_bytes() == b"edited"
    assert names(tmp_path) == ["app.py"]


def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path):
    source = made(tmp_path / "app.py")
    Path(source.path).unlink()
    with pytest.raises(SourceError) as caught:
        write(source, NEW)
    assert str(caught.value) == f"{source.path}: cannot write: No such file or directory"
    assert names(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "rename", "chmod"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_whatever_fails_leaves_the_file_whole_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call, error
):
    def fail(*arguments, **options):
        raise error

    source = made(tmp_path / "app.py")
    owner, name = {"fsync": (os, "fsync"), "rename": (Path, "replace"), "chmod": (Path, "chmod")}[
        call
    ]
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises((SourceError, KeyboardInterrupt)) as caught:
        write(source, NEW)
    if isinstance(error, OSError):
        assert str(caught.value) == f"{source.path}: cannot write: No space left"
    assert Path(source.path).read_bytes() == OLD
    assert names(tmp_path) == ["app.py"]


def applied(journal: Journal, *changes: tuple[Source, bytes]) -> None:
    journal.record(changes)
    for source, data in changes:
        write(source, data)


@in_one_folder
@given(st.lists(st.tuples(st.binary(), st.binary()), min_size=1, max_size=4))
def test_undo_gives_any_bytes_back(tmp_path: Path, files):
    sources = [made(tmp_path / f"m{index}.py", old) for index, (old, _) in enumerate(files)]
    applied(Journal(str(tmp_path)), *((s, new) for s, (_, new) in zip(sources, files, strict=True)))
    restored, errors = Journal(str(tmp_path)).undo()
    assert errors == []
    assert restored == [s.path for s, (old, new) in zip(sources, files, strict=True) if old != new]
    assert [Path(source.path).read_bytes() for source in sources] == [old for old, _ in files]


def test_undo_works_once(tmp_path: Path, state: Path):
    journal = Journal(str(tmp_path))
    applied(journal, (made(tmp_path / "app.py"), NEW))
    assert journal.undo() == ([str(tmp_path / "app.py")], [])
    restored, errors = journal.undo()
    assert restored == []
    assert [str(error) for error in errors] == [
        f"{tmp_path}: nothing to undo: no --apply has changed files of this project"
    ]
    assert [path for path in state.rglob("*") if path.is_file()] == []


def test_only_what_was_not_edited_since_is_undone_and_the_rest_can_be_later(tmp_path: Path):
    journal = Journal(str(tmp_path))
    edited, kept, gone = (made(tmp_path / name) for name in ("edited.py", "kept.py", "gone.py"))
    applied(journal, (edited, NEW), (kept, NEW), (gone, NEW))
    Path(edited.path).write_bytes(b"edited")
    Path(gone.path).unlink()
    restored, errors = journal.undo()
    assert restored == [kept.path]
    assert [str(error) for error in errors] == [
        f"{edited.path}: cannot undo: it has changed since --apply wrote it",
        f"{gone.path}: cannot read: No such file or directory",
    ]
    assert Path(edited.path).read_bytes() == b"edited"
    Path(edited.path).write_bytes(NEW)
    Path(gone.path).write_bytes(NEW)
    assert journal.undo() == ([edited.path, gone.path], [])


def test_a_run_that_was_killed_half_way_can_be_undone(tmp_path: Path):
    journal = Journal(str(tmp_path))
    first, second = made(tmp_path / "first.py"), made(tmp_path / "second.py")
    journal.record([(first, NEW), (second, NEW)])
    write(first, NEW)
    assert journal.undo() == ([first.path], [])
    assert Path(first.path).read_bytes() == Path(second.path).read_bytes() == OLD


def test_the_last_run_that_changed_something_is_undone(tmp_path: Path):
    journal = Journal(str(tmp_path))
    applied(journal, (made(tmp_path / "app.py"), b"first"))
    applied(journal, (read_as_it_is(tmp_path / "app.py"), b"second"))
    journal.record([])
    assert journal.undo() == ([str(tmp_path / "app.py")], [])
    assert (tmp_path / "app.py").read_bytes() == b"first"


def test_each_project_has_its_own_record_whatever_its_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        applied(Journal(str(tmp_path / name)), (made(tmp_path / name / "app.py"), NEW))
    (tmp_path / "link").symlink_to("one")
    monkeypatch.chdir(tmp_path / "one")
    assert Journal(str(tmp_path / "link")).path == Journal(".").path
    assert Journal(".").undo() == ([str(tmp_path / "one/app.py")], [])
    assert (tmp_path / "two/app.py").read_bytes() == NEW


def test_relative_paths_hold_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.py")
    applied(Journal("."), (made(Path(name)), NEW))
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir("deeper")
    assert Journal("..").undo() == ([f"{tmp_path}/{name}"], [])
    assert (tmp_path / name).read_bytes() == OLD


def test_the_record_is_for_the_user_only(tmp_path: Path):
    journal = Journal(str(tmp_path))
    applied(journal, (made(tmp_path / "app.py"), NEW))
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    assert names(journal.path.parent) == [journal.path.name]


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b'{"a": 1}', b'[{"path": "x"}]'])
def test_a_damaged_record_is_named(tmp_path: Path, data):
    journal = Journal(str(tmp_path))
    applied(journal, (made(tmp_path / "app.py"), NEW))
    journal.path.write_bytes(data)
    restored, errors = journal.undo()
    assert restored == []
    assert [str(error) for error in errors] == [
        f"{journal.path}: cannot undo: the journal is damaged"
    ]
    assert journal.path.exists()


def test_a_record_that_cannot_be_written_is_an_error_and_keeps_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    journal = Journal(str(tmp_path))
    source = made(tmp_path / "app.py")
    applied(journal, (source, NEW))
    with monkeypatch.context() as patch, pytest.raises(SourceError) as caught:
        patch.setattr(
            Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "Full"))
        )
        journal.record([(read_as_it_is(tmp_path / "app.py"), b"newer")])
    assert str(caught.value) == (
        f"{journal.path}: cannot write the journal, so no file was changed: Full"
    )
    assert journal.undo() == ([source.path], [])


def test_a_state_folder_that_cannot_be_made_is_an_error(tmp_path: Path, state: Path):
    (state / "flask-ctxfix").write_text("in the way")
    with pytest.raises(SourceError, match="cannot write the journal, so no file was changed"):
        Journal(str(tmp_path)).record([(made(tmp_path / "app.py"), NEW)])
