"""Every fix leaves a program that starts, answers and reads as well as it did.

The programs are the cases of fixtures that have a fix, and the examples of the documentation; each
is tried with its safe fixes, and with all of them. Without an option they are a sample:

    pytest tests/test_fixes.py --every-fix          all of them
    pytest tests/test_fixes.py --programs FOLDER    each folder in FOLDER, or the `app` in it

What is looked for stands in fixes/checks.py, what is known and not mended in fixes/known_faults.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.checks import difference, faults, fixed, works
from tests.fixes.collected import Program, of_folder, of_this_repository, sample
from tests.fixes.known_faults import JUDGED, KNOWN

SAMPLE = 100
VARIANTS = ("safe", "unsafe")
# Of the programs that are for the installed Flask. The others need packages that are not installed,
# are about Flasks that are not, or have nothing that is called without more; those are only read.
WORKING = 0.7


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "program" in metafunc.fixturenames:
        programs = _programs(metafunc.config)
        metafunc.parametrize("program", programs, ids=[each.name for each in programs])


def _programs(config: pytest.Config) -> list[Program]:
    folder = config.getoption("--programs")
    if folder is not None:
        return of_folder(Path(folder))
    programs = of_this_repository()
    return programs if config.getoption("--every-fix") else sample(programs, SAMPLE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_fixes_keep_what_works(
    program: Program, variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run = fixed(program, tmp_path, variant == "unsafe")
    if run is None:
        pytest.skip(f"it has no {variant} fix")
    found = faults(run)
    row = (program.name, variant)
    expected = KNOWN.get(row, {}).keys() | JUDGED.get(row, {}).keys()
    if not run.program.is_for_installed_flask:
        expected -= {"starts", "fails", "values"}
    told = "\n".join([*map(": ".join, found), difference(run)])
    assert {kind for kind, _ in found} == expected, told


def test_most_programs_are_run(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--programs") is not None:
        pytest.skip("nothing is known of these programs")
    programs = _programs(pytestconfig)
    folders = (tmp_path / str(number) for number in range(len(programs)))
    working = sum(works(each, folder) for each, folder in zip(programs, folders, strict=True))
    print(f"{working} of {len(programs)} programs are run, the others are only read")
    assert working >= WORKING * sum(each.is_for_installed_flask for each in programs)


def test_rows_of_known_faults_name_programs() -> None:
    names = {each.name for each in of_this_repository()}
    assert {name for name, _ in (*KNOWN, *JUDGED)} <= names
