import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flask_ctxfix import apply, engine, executors, reach, rewrite, verify
from flask_ctxfix.codemod import Codemod, Finding, Fix, Rule
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.outcome import Mode, Outcome
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.settings import Settings, SettingsError
from flask_ctxfix.source import SourceError, decode
from tests.conftest import Failing, Renaming, family

Write = Callable[[dict[str, str | bytes]], None]
pytestmark = pytest.mark.usefixtures("toy")


def _run(mode: Mode = "list", **settings: object) -> Outcome:
    return engine.run(replace(Settings(), **settings), mode)  # type: ignore[arg-type]


def _found(outcome: Outcome) -> list[tuple[str, int, str]]:
    return [
        (located.finding.filename, located.start[0], located.finding.code)
        for result in outcome.results
        for located in result.findings
    ]


def _left(outcome: Outcome) -> list[str]:
    return [l.finding.code for result in outcome.results for l in result.remaining]  # noqa: E741


def _refused(outcome: Outcome) -> list[str]:
    return [l.finding.no_fix_reason for result in outcome.results for l in result.refused]  # noqa: E741


def _errors(outcome: Outcome) -> list[str]:
    return [str(error) for error in outcome.errors]


def test_findings_come_in_order_with_their_places(tree: Write) -> None:
    tree(
        {
            "b.py": "import flask\nx = [manual, old]\n",
            "a.py": "import flask\n\nold\n",
            "c.py": "x = 1\n",
        }
    )
    outcome = _run()
    assert _found(outcome) == [
        ("a.py", 3, "TOY101"),
        ("b.py", 2, "TOY104"),
        ("b.py", 2, "TOY101"),
    ]
    located = outcome.results[1].findings[0]
    assert (located.start, located.end, located.line) == ((2, 6), (2, 12), "x = [manual, old]")
    assert outcome.files == 3
    assert outcome.errors == []


def test_a_tree_without_flask_is_not_searched(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "load_codemods", None)
    tree({"a.py": "old\n"})
    outcome = _run()
    assert (outcome.files, outcome.results, outcome.detected) == (1, [], None)


def test_files_that_lead_nowhere_are_not_parsed(tree: Write) -> None:
    tree({"a.py": "import flask\n", "b.py": "x = (  # flask\n"})
    outcome = _run()
    assert ([result.path for result in outcome.results], outcome.errors) == (["a.py"], [])
    assert outcome.detected is not None


def test_what_no_import_leads_to_is_not_searched(tree: Write) -> None:
    tree({"a.py": "import flask, b\n", "b.py": "old\n", "c.py": "old  # import flask\n"})
    assert _found(_run()) == [("b.py", 1, "TOY101")]


def test_list_and_diff_write_nothing(tree: Write) -> None:
    tree({"a.py": "import flask\nold\n"})
    assert not _run().results[0].is_changed
    result = _run("diff").results[0]
    assert result.after.data == b"import flask\nnew\n"
    assert Path("a.py").read_bytes() == result.before.data == b"import flask\nold\n"


def test_apply_writes_and_a_second_run_has_nothing_to_do(tree: Write) -> None:
    tree({"a.py": "import flask\r\nx = [old, manual]", "b.py": "import a\nmanual\n"})
    outcome = _run("apply")
    assert Path("a.py").read_bytes() == b"import flask\r\nx = [new, manual]"
    assert [result.is_changed for result in outcome.results] == [True, False]
    assert _left(outcome) == ["TOY104", "TOY104"]
    assert outcome.results[0].remaining[0].start == (2, 11)
    assert not any(result.is_changed for result in _run("apply").results)


def test_unsafe_fixes_have_to_be_asked_for(tree: Write) -> None:
    tree({"a.py": "import flask\n[old, risky]\n"})
    assert _run("diff").results[0].after.text == "import flask\n[new, risky]\n"
    assert _run("diff", unsafe_fixes=True).results[0].after.text == "import flask\n[new, secure]\n"


def test_selection(tree: Write) -> None:
    tree({"a.py": "import flask\n[old, risky, note]\n"})
    assert _found(_run()) == [("a.py", 2, "TOY101"), ("a.py", 2, "TOY102")]
    assert _found(_run(select=("TOY10",), ignore=("TOY102",)))[1:] == [("a.py", 2, "TOY103")]
    assert _found(_run(select=("TOY102",))) == [("a.py", 2, "TOY102")]
    assert _found(_run(select=("TOY2",))) == []
    with pytest.raises(SettingsError, match='--ignore: unknown rule "XYZ1"'):
        _run(ignore=("XYZ1",))


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("", ["TOY101", "TOY104"]),
        ("# noqa", []),
        ("# a word # NOQA", []),
        ("# noqa: TOY101", ["TOY104"]),
        ("# noqa:TOY101,TOY104", []),
        ("# noqa: E501 toy104", ["TOY101"]),
        ("# noqa: TOY1", []),
        ("# noqa: E501", ["TOY101", "TOY104"]),
        ("# noqaXYZ", ["TOY101", "TOY104"]),
    ],
)
def test_noqa(tree: Write, comment: str, codes: list[str]) -> None:
    tree({"a.py": f"import flask\n[old, manual]  {comment}\n"})
    outcome = _run("diff")
    assert [code for _, _, code in _found(outcome)] == codes
    assert outcome.results[0].is_changed == ("TOY101" in codes)


def test_skipped_files(tree: Write) -> None:
    tree({"a.py": "# flask-ctxfix: skip-file\nold\n", "b.py": "import flask\nold\n"})
    assert _found(_run()) == [("b.py", 2, "TOY101")]


def test_per_file_ignores(tree: Write) -> None:
    text = "import flask\n[old, manual]\n"
    tree({"tests/x/a.py": text, "tests.py": text, "src/b.py": text})
    ignores = (("tests/", ("TOY1",)), ("src/*.py", ("TOY104",)))
    assert [(path, code) for path, _, code in _found(_run(per_file_ignores=ignores))] == [
        ("src/b.py", "TOY101"),
        ("tests.py", "TOY101"),
        ("tests.py", "TOY104"),
    ]


def test_leads_are_followed(tree: Write) -> None:
    tree(
        {
            "a.py": "import flask\nfirst = old\n",
            "b.py": "from a import first\nsecond = first\n",
            "c.py": "from b import second\n",
            "d.py": "import something\n",
        }
    )
    assert ("c.py", 1, "TOY105") in _found(_run())


def test_files_concern_the_codemods_whose_names_their_code_holds(
    tree: Write, toy: Codemod, other_toy: Codemod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "load_codemods", lambda: [toy, other_toy])
    tree(
        {
            "a.py": "import flask\nfirst = old\nsecond\n",
            "b.py": "from a import first\nsecond = first, rare\n",
            "c.py": "from b import second\nsecond  # rare\n",
            "d.py": "import flask\nsecond, rarely = older, 'rare'\n",
            "e.py": "'''A rare old thing.'''\nimport flask\nsecond\n",
        }
    )
    assert _found(_run()) == [
        ("a.py", 2, "TOY101"),
        ("b.py", 1, "TOY105"),
        ("b.py", 2, "TOY301"),
        ("d.py", 2, "TOY301"),
    ]


def test_a_family_is_loaded_when_a_file_concerns_it(
    tree: Write, toy: Codemod, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Codemod("nowhere", "no.such.module", frozenset({"rare"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [toy, nowhere])
    tree({"a.py": "import flask\nold  # rare\n"})
    assert _found(_run()) == [("a.py", 2, "TOY101")]
    tree({"a.py": "import flask\nold.rare\n"})
    assert "No module named 'no'" in _errors(_run())[0]


def test_a_family_without_names_looks_at_every_file(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = family("every", [Renaming("A1", "here", None)], None)
    some = family("some", [Renaming("B1", "here", None)], frozenset({"request"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [every, some])
    tree({"a.py": "from flask import session\nhere", "b.py": "from flask import request\nhere"})
    assert _found(_run()) == [("a.py", 2, "A1"), ("b.py", 2, "A1"), ("b.py", 2, "B1")]


def test_names_count_from_a_version_on(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    late = ((3, 2), frozenset({"old"}))
    toy = replace(family("toy", [Renaming("A1", "old", None)], frozenset()), names_since=(late,))
    monkeypatch.setattr(engine, "load_codemods", lambda: [toy])
    tree({"a.py": "import flask\nold\n"})
    assert _found(_run(target_version=TargetVersion.parse("3.1"))) == []
    assert _found(_run(target_version=TargetVersion.parse("3.2"))) == [("a.py", 2, "A1")]


def test_an_absolute_path_names_the_whole_project_so(tree: Write) -> None:
    tree(
        {
            "pyproject.toml": "",
            "a.py": "import flask\nfirst = old\n",
            "sub/c.py": "import flask\nfrom a import first\n",
        }
    )
    here = str(Path.cwd())
    os.chdir("sub")
    found = _found(_run(paths=(f"{here}/sub", f"{here}/a.py")))
    assert found == [(f"{here}/a.py", 2, "TOY101"), (f"{here}/sub/c.py", 2, "TOY105")]
    assert _found(_run(paths=(f"{here}/sub",))) == found[1:]
    assert _errors(_run(paths=(f"{here}/sub", "../a.py"))) == []


def test_names_in_tests_concern_only_the_codemods_that_look_there(
    tree: Write, toy: Codemod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "load_codemods", lambda: [replace(toy, in_tests=False)])
    tree(
        {
            "a.py": "import flask\nfirst = old\n",
            "tests/test_a.py": "from a import first\nold\n",
            "tests/test_b.py": "import a\nold\n",
            "b.py": "import a\nold\n",
        }
    )
    assert _found(_run()) == [
        ("a.py", 2, "TOY101"),
        ("b.py", 2, "TOY101"),
        ("tests/test_a.py", 1, "TOY105"),
        ("tests/test_a.py", 2, "TOY101"),
    ]


def test_the_project_is_known_where_one_file_is_searched(tree: Write) -> None:
    tree(
        {
            "pyproject.toml": "",
            "a.py": "import flask\nfirst = old\n",
            "sub/c.py": "import flask, os\nfrom a import first\nold\n",
        }
    )
    found = _found(_run(paths=("sub/c.py",)))
    assert found == [("sub/c.py", 2, "TOY105"), ("sub/c.py", 3, "TOY101")]
    os.chdir("sub")
    assert [code for _, _, code in _found(_run())] == ["TOY105", "TOY101"]


def test_one_bad_file_does_not_end_the_run(tree: Write) -> None:
    tree(
        {
            "a.py": "import flask\nold\n",
            "syntax.py": "import flask\nold(\n",
            "bytes.py": b"import flask\nold\xff\n",
            "crash.py": "import flask\ncrash\n",
        }
    )
    Path("gone.py").symlink_to("nowhere")
    outcome = _run("apply")
    assert Path("a.py").read_text() == "import flask\nnew\n"
    errors = sorted(_errors(outcome))
    assert [error.partition(" ")[0] for error in errors] == [
        "bytes.py:2:",
        "crash.py:",
        "gone.py:",
        "syntax.py:2:",
    ]
    assert "internal error: ValueError: a bug of two lines (in find;" in errors[1]
    assert all("\n" not in error for error in errors)


def test_a_file_that_is_deleted_meanwhile(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"a.py": "import flask\nold\n", "b.py": "import a\nold\n"})
    real = reach.files_that_matter

    def delete(*arguments: Any) -> Any:
        found = real(*arguments)
        Path("a.py").unlink()
        return found

    monkeypatch.setattr(reach, "files_that_matter", delete)
    outcome = _run("apply")
    assert _errors(outcome) == ["a.py: cannot read: No such file or directory"]
    assert Path("b.py").read_text() == "import a\nnew\n"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("stays", "the fix would not remove the finding: TOY201 `stays` is old"),
        ("worse", "the fix would cause another finding: TOY104 `manual` is old"),
    ],
)
@pytest.mark.parametrize("mode", ["diff", "apply"])
def test_a_fix_that_fails_its_proof_is_left_out(
    tree: Write, mode: Mode, name: str, cause: str
) -> None:
    tree({"a.py": f"import flask\n[old, {name}, old]\nx = {name}\n", "b.py": "import a\nold\n"})
    outcome = _run(mode)
    assert _errors(outcome) == []
    assert _refused(outcome) == [cause] * 2
    assert len(_left(outcome)) == 2
    text = f"import flask\n[new, {name}, new]\nx = {name}\n"
    assert [result.after.text for result in outcome.results] == [text, "import a\nnew\n"]


def test_a_second_run_refuses_the_same(tree: Write) -> None:
    tree({"a.py": "import flask\n[old, stays, old, worse]\n"})
    first = _run("apply")
    second = _run("apply")
    assert not any(result.is_changed for result in second.results)
    assert _refused(second) == _refused(first)
    assert len(_refused(first)) == 2


def test_a_fix_that_waits_for_a_refused_one_is_made(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two fixes of one name: the first fails, and the second has its turn."""
    rules = (Renaming("TOY201", "old", "(old)"), Renaming("TOY202", "old", "new"))
    toy = family("toy", rules, frozenset({"old"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [toy])
    tree({"a.py": "import flask\nold\n"})
    outcome = _run("apply")
    assert Path("a.py").read_text() == "import flask\nnew\n"
    assert (_refused(outcome), _left(outcome)) == ([], [])


def test_what_is_too_deep_is_not_tried_in_parts(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    real = rewrite.rewrite

    def rewrite_flat(module: Module, fixes: Sequence[Fix], project: Project) -> str:
        tried.append(len(fixes))
        if any(edit.span.start > 17 for fix in fixes for edit in fix.edits):
            raise RecursionError
        return real(module, fixes, project)

    monkeypatch.setattr(rewrite, "rewrite", rewrite_flat)
    tree({"a.py": "import flask\nold\n[old, old, old, old]\n"})
    outcome = _run("apply")
    assert Path("a.py").read_text() == "import flask\nnew\n[old, old, old, old]\n"
    assert _refused(outcome) == ["the code is nested too deeply to be rewritten"] * 4
    assert len(tried) < 10


@given(names=st.lists(st.sampled_from(["old", "stays", "worse", "manual", "broken"]), max_size=9))
@hypothesis_settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_refused_fixes_cost_no_other(tree: Write, names: list[str]) -> None:
    tree({"a.py": "import flask\n" + "".join(f"{name}\n" for name in names)})
    made = {"old": "new", "broken": "return_"}
    expected = "import flask\n" + "".join(f"{made.get(name, name)}\n" for name in names)
    outcome = _run("apply")
    assert Path("a.py").read_text() == expected
    assert len(_refused(outcome)) == sum(name in ("stays", "worse") for name in names)
    assert _errors(outcome) == []
    assert not any(result.is_changed for result in _run("apply").results)


@pytest.mark.parametrize(
    ("new", "cause"),
    [
        ("x = (\n", "the fixed file would have an error in line 1"),
        ("import flask\n\n# kept\ndef f():\n    return new\n\nnew\n", "would also change"),
        ("import flask\n\ndef f():\n    return 1\n\nnew\n", "would also change line 3"),
        ("import flask\n\n# kept\ndef f():\n    return 1\n\nreturn new\n", "would not compile"),
    ],
)
def test_what_a_rewrite_must_not_do(
    tree: Write, monkeypatch: pytest.MonkeyPatch, new: str, cause: str
) -> None:
    tree({"a.py": "import flask\n\n# kept\ndef f():\n    return 1\n\nold\n"})
    monkeypatch.setattr("flask_ctxfix.rewrite.rewrite", lambda *_: new)
    outcome = _run("diff")
    (reason,) = _refused(outcome)
    assert reason is not None
    assert cause in reason
    assert (_errors(outcome), outcome.results[0].is_changed) == ([], False)


def test_imports_and_blank_lines_may_change(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    new = "from flask import g\n# kept\nx = 1\nnew  # end"
    tree({"a.py": "import flask\n\n\n# kept\nx = 1\n\nold  # end"})
    monkeypatch.setattr("flask_ctxfix.rewrite.rewrite", lambda *_: new)
    assert _run("diff").results[0].after.text == new


def test_a_bug_in_a_rewrite_keeps_the_findings(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree({"a.py": "import flask\nold\n"})
    monkeypatch.setattr(verify, "verify", None)
    outcome = _run("diff")
    assert _left(outcome) == ["TOY101"]
    assert "TypeError" in _errors(outcome)[0]


def test_a_file_that_cannot_be_written_keeps_its_findings(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree({"a.py": "import flask\nold\n", "b.py": "import a\nold\n"})
    write = apply.write

    def refuse(source: object, data: bytes) -> None:
        if source.path == "a.py":  # type: ignore[attr-defined]
            raise SourceError("a.py", None, "cannot write")
        write(source, data)  # type: ignore[arg-type]

    monkeypatch.setattr(apply, "write", refuse)
    outcome = _run("apply")
    assert _errors(outcome) == ["a.py: cannot write"]
    assert _left(outcome) == ["TOY101"]
    assert Path("b.py").read_text() == "import a\nnew\n"


def test_nothing_is_written_without_a_journal(tree: Write) -> None:
    Path(os.environ["XDG_STATE_HOME"]).write_text("a file")
    tree({"a.py": "import flask\nold\n"})
    outcome = _run("apply")
    assert "cannot write the journal" in _errors(outcome)[0]
    assert _left(outcome) == ["TOY101"]
    assert Path("a.py").read_text() == "import flask\nold\n"


def _many(tree: Write) -> list[tuple[str, int, str]]:
    names = [f"m{number:02}.py" for number in range(30)]
    tree(dict.fromkeys(names, "import flask\nold\n" + "# a long comment\n" * 8_000))
    return [(name, 2, "TOY101") for name in names]


def test_many_files_are_shared_by_processes(tree: Write) -> None:
    expected = _many(tree)
    outcome = _run("apply")
    assert _found(outcome) == expected
    assert _left(outcome) == []
    assert all(Path(name).read_text()[13:16] == "new" for name, _, _ in expected)


def test_any_executor_will_do(tree: Write) -> None:
    expected = _many(tree)
    with ThreadPoolExecutor(3) as executor:
        outcome = engine.run(Settings(), "diff", executor=executor)
    assert (_found(outcome), _left(outcome)) == (expected, [])


def test_rules_know_what_threads_are_to_be_given(tree: Write) -> None:
    tree({"a.py": "import flask\nchosen\n"})
    for choice in ("safest", "wrap", "values"):
        (result,) = _run("diff", thread_fix=choice).results
        assert result.after.text == f"import flask\nby_{choice}\n"
    assert _run("diff").results[0].after.text == "import flask\nby_safest\n"


class _Interrupted(ThreadPoolExecutor):
    """An executor that is interrupted after some tasks."""

    def __init__(self, tasks: int) -> None:
        super().__init__(1)
        self._left = tasks

    def submit(self, fn, /, *args, **kwargs) -> Future:  # type: ignore[no-untyped-def, type-arg]
        if self._left == 0:
            future: Future[object] = Future()
            future.set_exception(KeyboardInterrupt())
            return future
        self._left -= 1
        return super().submit(fn, *args, **kwargs)


def test_an_interrupt_ends_the_run_with_what_is_done(tree: Write) -> None:
    expected = _many(tree)
    size = 1 + 30 // (4 * (os.cpu_count() or 1))
    with _Interrupted(1) as executor:
        outcome = engine.run(Settings(), "diff", executor=executor)
    assert outcome.is_interrupted
    assert _found(outcome) == expected[:size]


def test_an_interrupt_ends_the_search_with_what_is_done(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(rule: Rule, module: Module, *_: object) -> Iterator[Finding]:
        if module.path == "b.py":
            raise KeyboardInterrupt
        yield from ()

    tree({"a.py": "import flask\nold\n", "b.py": "import flask\nold\n"})
    monkeypatch.setattr(Failing, "find", interrupted)
    outcome = _run()
    assert outcome.is_interrupted
    assert _found(outcome) == [("a.py", 2, "TOY101")]


def test_an_interrupt_before_the_first_write_leaves_all_files(tree: Write) -> None:
    _many(tree)
    with _Interrupted(3) as executor:
        outcome = engine.run(Settings(), "apply", executor=executor)
    assert outcome.is_interrupted
    assert outcome.results == []
    assert all("old" in path.read_text() for path in Path().glob("*.py"))


@pytest.mark.filterwarnings("error")
def test_an_interrupt_ends_the_processes() -> None:
    paths = [f"{number}.py" for number in range(30)]
    results = executors.shared(_same, paths, None)
    assert next(results) == "0.py"
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    end = time.monotonic() + 10
    while multiprocessing.active_children():  # until a thread of the pool has noted their end
        assert time.monotonic() < end
        time.sleep(0.01)


def _dying(paths: Sequence[str]) -> list[str]:
    """End this process at one of the paths, the first time at another."""
    for path in paths:
        if path == "dies.py" or (path == "once.py" and not Path("died").exists()):
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return list(paths)


@pytest.mark.parametrize("count", [1, 2])
def test_what_a_dying_process_leaves_undone_is_done_again(tree: Write, count: int) -> None:
    paths = [f"{number}.py" for number in range(20)]
    paths[3], paths[12] = "dies.py", "once.py"
    with ProcessPoolExecutor(count) as pool:
        results = list(executors.shared(_dying, paths, pool))
    assert [str(each) for each in results if isinstance(each, SourceError)] == [
        "dies.py: the process that worked on it was killed, perhaps for lack of memory"
    ]
    assert [each for each in results if isinstance(each, str)] == [*paths[:3], *paths[4:]]


def _same(paths: Sequence[str]) -> list[str]:
    return list(paths)


def test_stdin_is_searched_as_part_of_its_project_and_never_written(tree: Write) -> None:
    tree({".git/x": "", "a.py": "import flask\nfirst = old\n", "b.py": "x = 1\n"})
    stdin = decode("b.py", b"import flask\nfrom a import first\nold\n")
    outcome = engine.run(Settings(), "apply", stdin=stdin)
    assert _found(outcome) == [("b.py", 2, "TOY105"), ("b.py", 3, "TOY101")]
    assert outcome.results[0].after.text.endswith("new\n")
    assert Path("b.py").read_text() == "x = 1\n"
    quiet = engine.run(Settings(), "list", stdin=decode("-", b"old\n"))
    assert (quiet.files, quiet.results) == (1, [])


def test_target(tree: Write) -> None:
    tree({"a.py": "import flask\n", "requirements.txt": "flask<3\n"})
    detected = _run().detected
    assert detected is not None
    assert (str(detected.target), detected.reason) == ("2.3", "flask<3 in requirements.txt")
    given = _run(target_version=TargetVersion.parse("2.2-3.2")).detected
    assert given is not None
    assert (str(given.target), given.reason) == ("2.2-3.2", "--target-version")


def test_a_codemod_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, toy: Codemod) -> None:
    monkeypatch.undo()

    found = [("mine", "nowhere")]
    monkeypatch.setattr("flask_ctxfix.entry_points.entry_points", lambda group: found)
    with pytest.raises(SettingsError, match=r"codemod mine \(nowhere\): No module named 'nowhere'"):
        engine.load_codemods()


def test_what_is_wrong_elsewhere_in_the_project_is_not_reported(tree: Write) -> None:
    tree({"setup.py": "", "a.py": "import flask\nold\n", "b.py": "import a\nold(\n"})
    assert _errors(_run(paths=("a.py",))) == []
    assert len(_errors(_run(paths=("a.py", "b.py")))) == 1


def test_each_path_brings_its_project(tree: Write) -> None:
    text = "import flask\nfrom a import first\n"
    for name in ("one", "two"):
        tree({f"{name}/setup.py": "", f"{name}/a.py": "first = old\n", f"{name}/b.py": text})
    found = _found(_run(paths=("one/b.py", "two/b.py")))
    assert found == [("one/b.py", 2, "TOY105"), ("two/b.py", 2, "TOY105")]


def test_a_rewrite_stops_after_some_rounds(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def rewrite_one(module: Module, fixes: Sequence[Fix], project: Project) -> str:
        return module.text.replace("old", "new", 1)

    monkeypatch.setattr("flask_ctxfix.rewrite.rewrite", rewrite_one)
    monkeypatch.setattr(verify, "verify", lambda *args: None)
    tree({"a.py": "import flask\n" + "old\n" * 12})
    assert _left(_run("apply")) == ["TOY101", "TOY101"]
    assert _left(_run("apply")) == []


def test_a_file_that_does_not_compile_anyway(tree: Write) -> None:
    tree({"a.py": "import flask\nold\nreturn 1\n"})
    assert _run("diff").results[0].after.text == "import flask\nnew\nreturn 1\n"
