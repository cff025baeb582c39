"""How commands are measured: in seconds of CPU, by turns, by the ratio of each turn."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent.resolve()
_SHOWN = 12
_MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10  # of what the system tells


@dataclass
class Tool:
    """A command and what its runs took.

    `seconds` are those of CPU, of the process and all that it waits for; or what the command
    prints, if it `measures` itself. `peak` is the most memory of any of the processes, in MB.
    """

    name: str
    command: Sequence[str]
    measures: bool = False
    statuses: Sequence[int] = (0, 1)
    seconds: list[float] = field(default_factory=list)
    peak: float = 0.0
    output: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, folder: Path | None = None) -> None:
        """Run the command, on `folder` and beside it, and keep what it took."""
        # A report is written to a file, as by a user who keeps it; a pipe would have to be read.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [*self.command, *([str(folder)] if folder else [])],
                stdout=output,
                stderr=errors,
                cwd=folder.parent if folder else None,
                env=_environment(),
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            self.output = output.read().decode(errors="replace")
            wrong = errors.read().decode(errors="replace")
            if process.returncode not in self.statuses or "Traceback" in wrong:
                sys.exit(f"{self.name} failed:\n{wrong}")
        spent = usage.ru_utime + usage.ru_stime
        self.seconds.append(float(self.output) if self.measures else spent)
        self.peak = max(self.peak, usage.ru_maxrss / _MEGABYTE)


def _environment() -> dict[str, str]:
    """Return that of a user, whose modules are compiled once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(HERE)}


def script(name: str) -> str:
    """Return the path of a command that is installed beside this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def ours(*options: str, binary: str = "") -> Tool:
    """Return the command of flask-ctxfix: the one beside this interpreter, or another one."""
    name = " ".join(("flask-ctxfix", *options)) + (f" of {binary}" if binary else "")
    # 2: a package may hold files that are templates, or of another Python.
    return Tool(name, [binary or script("flask-ctxfix"), *options], statuses=(0, 1, 2))


def ruff() -> Tool:
    """Return Ruff, looking for unused imports only."""
    options = ["check", "--no-cache", "--isolated", "--select", "F401"]
    return Tool(f"ruff {' '.join(options)}", [script("ruff"), *options, "--quiet"])


def parsing() -> Tool:
    """Return what parses the files that flask-ctxfix looks at, and does no more."""
    return Tool("ast.parse", [sys.executable, str(HERE / "parse_files.py")], measures=True)


def take_turns(tools: Sequence[Tool], runs: int, folder: Callable[[Path], Path | None]) -> None:
    """Run each tool `runs` times, each time on a folder that `folder` makes below the given one."""
    for _ in range(runs):
        for tool in tools:
            with tempfile.TemporaryDirectory() as scratch:
                tool.run(folder(Path(scratch).resolve()))


def ratio(one: Tool, other: Tool) -> float:
    """Return the median of what `one` took, measured by what `other` took in the same turn."""
    return statistics.median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return how costs grow with sizes: the slope of the line that fits their logarithms best."""
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    ).slope


def print_table(title: str, tools: Sequence[Tool]) -> None:
    print(f"\n{title}\n")
    print(f"{'':<60}{'median s':>10}{'peak MB':>10}   all runs, s of CPU")
    for tool in tools:
        shown = sorted(tool.seconds)[:: 1 + len(tool.seconds) // _SHOWN]
        every = " ".join(f"{seconds:.3f}" for seconds in shown)
        print(f"{tool.name:<60}{tool.median:>10.3f}{tool.peak:>10.0f}   {every}")


def judge(what: str, figure: float, limit: float, most: bool = True) -> bool:
    """Print a figure beside its limit, an upper one if `most`; return whether it keeps it."""
    kept = figure <= limit if most else figure >= limit
    bound = "at most" if most else "at least"
    print(f"{what}: {figure:.2f} ({bound} {limit:g}: {'kept' if kept else 'NOT KEPT'})")
    return kept
