"""Measure flask-ctxfix against Ruff and a plain LibCST codemod: ``python benchmarks/run.py``.

Every figure is that of a whole process, start of the interpreter included. The tools take turns,
and the medians are compared. Needs flask-ctxfix and Ruff installed beside this interpreter, and
half an hour, nearly all of it for LibCST: ``--runs 1`` gives an idea.

``python benchmarks/run.py applications --on FOLDER...`` measures, within one process, the analysis
of contexts in applications of yours against ``ast.parse`` of the files that it looks at.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent.resolve()
COPIES = 100
MOST_OF_RUFF = 0.35
LEAST_FASTER_THAN_LIBCST = 20
MOST_MEMORY = 150
MOST_OF_PARSING = 2.0


@dataclass
class Tool:
    """A command and what its runs took: seconds of wall time, and the peak MB of any process."""

    name: str
    command: Sequence[str]
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, folder: Path) -> None:
        """Run the command on `folder` and keep what it took."""
        # A report is written to a file, as by a user who keeps it; a pipe would have to be read.
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                [*self.command, str(folder)],
                stdout=output,
                stderr=output,
                cwd=folder.parent,
                env={**os.environ, "PYTHONPATH": str(HERE)},
            )
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds.append(time.perf_counter() - start)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (0, 1):
                output.seek(0)
                sys.exit(f"{self.name} failed:\n{output.read().decode(errors='replace')}")
        # Kilobytes on Linux, bytes on macOS; of the largest process among this and its children.
        self.peak = max(self.peak, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def script(name: str) -> str:
    """Return the path of a command that is installed beside this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def take_turns(tools: Sequence[Tool], runs: int, folder: Callable[[Path], Path]) -> None:
    """Run each tool `runs` times, each time on a folder that `folder` makes below the given one."""
    for _ in range(runs):
        for tool in tools:
            with tempfile.TemporaryDirectory() as scratch:
                tool.run(folder(Path(scratch).resolve()))


def print_table(title: str, tools: Sequence[Tool]) -> None:
    print(f"\n{title}\n")
    print(f"{'':<40}{'median s':>10}{'all runs, s':>40}{'peak MB':>10}")
    for tool in tools:
        every = " ".join(f"{seconds:.3f}" for seconds in sorted(tool.seconds))
        print(f"{tool.name:<40}{tool.median:>10.3f}{every:>40}{tool.peak:>10.0f}")


def judge(what: str, figure: float, limit: float, most: bool) -> bool:
    """Print a figure beside its limit, an upper one if `most`; return whether it keeps it."""
    kept = figure <= limit if most else figure >= limit
    bound = "at most" if most else "at least"
    print(f"{what}: {figure:.2f} ({bound} {limit:g}: {'kept' if kept else 'NOT KEPT'})")
    return kept


def standard_library(runs: int) -> bool:
    """Compare with Ruff where there is nothing to find."""
    library = Path(sysconfig.get_path("stdlib"))
    ruff = Tool(
        "ruff check --no-cache --isolated --select F401",
        [script("ruff"), "check", "--no-cache", "--isolated", "--select", "F401", "--quiet"],
    )
    ours = Tool("flask-ctxfix", [script("flask-ctxfix")])
    take_turns([ruff, ours], runs, lambda _: library)
    print_table("CPython's standard library", [ruff, ours])
    speed = judge(
        "time of flask-ctxfix over that of Ruff", ours.median / ruff.median, MOST_OF_RUFF, True
    )
    return judge("peak MB of flask-ctxfix", ours.peak, MOST_MEMORY, True) and speed


def leaky_tree(runs: int) -> bool:
    """Compare with LibCST's tool where there is much to rewrite."""
    libcst = Tool(
        "libcst.tool codemod, plain rename",
        [
            *(sys.executable, "-m", "libcst.tool", "codemod", "--no-format", "--hide-progress"),
            *("-x", "rename_stacks.RenameStacks"),
        ],
    )
    ours = Tool("flask-ctxfix --apply", [script("flask-ctxfix"), "--apply", "--target-version=3.1"])
    with tempfile.TemporaryDirectory() as downloads:
        package = download("Flask-Login", "0.6.1", Path(downloads))

        def tree(scratch: Path) -> Path:
            for number in range(COPIES):
                shutil.copytree(package, scratch / "tree" / f"copy{number:03}")
            return scratch / "tree"

        take_turns([libcst, ours], runs, tree)
    print_table(f"{COPIES} copies of Flask-Login 0.6.1", [libcst, ours])
    speed = judge(
        "times faster than LibCST's tool",
        libcst.median / ours.median,
        LEAST_FASTER_THAN_LIBCST,
        False,
    )
    return judge("peak MB of flask-ctxfix", ours.peak, MOST_MEMORY, True) and speed


def applications(folders: Sequence[str], runs: int) -> bool:
    """Compare the rules for threads with Python's parser on the same files."""
    from applications import cost, total

    print(f"\n{'':<30}{'files':>8}{'parses':>8}", end="")
    print(f"{'parsing s':>12}{'analysis s':>12}{'run s':>10}{'ratio':>8}")
    each = [cost(folder, "CTX1", runs) for folder in folders]
    for row in (*each, total(each)):
        print(f"{row.name:<30}{row.files:>8}{row.parses:>8}", end="")
        print(f"{row.parsing:>12.3f}{row.analysis:>12.3f}{row.run:>10.3f}", end="")
        print(f"{row.ratio:>8.2f}" if row.files else f"{'-':>8}")
    ratio = total(each).ratio
    return judge("time of a run over that of parsing", ratio, MOST_OF_PARSING, True)


def download(name: str, version: str, folder: Path) -> Path:
    """Download the source of a package and return the folder that holds it, unpacked."""
    options = ["--quiet", "--no-deps", "--no-binary", name, "--dest", str(folder)]
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, f"{name}=={version}"], check=True)
    (archive,) = folder.iterdir()
    shutil.unpack_archive(archive, folder / "source")
    (package,) = (folder / "source").iterdir()
    return package


def main() -> None:
    parts = {
        "stdlib": lambda: standard_library(arguments.runs),
        "tree": lambda: leaky_tree(arguments.runs),
        "applications": lambda: applications(arguments.on, arguments.runs),
    }
    parser = argparse.ArgumentParser(description="Measure flask-ctxfix against other tools.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; or all")
    parser.add_argument("--on", nargs="+", metavar="FOLDER", help="the applications")
    parser.add_argument("--runs", type=int, default=5, help="runs of each tool (default: 5)")
    arguments = parser.parse_args()
    asked = arguments.parts or [name for name in parts if name != "applications" or arguments.on]
    if "applications" in asked and not arguments.on:
        parser.error("applications: which? --on FOLDER...")
    runs = arguments.runs
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {runs} runs each")
    kept = [parts[name]() for name in asked]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
