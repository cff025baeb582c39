"""How cost and memory of flask-ctxfix grow with what it is given."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import trees
from measure import Tool, exponent, judge, ours, print_table, take_turns

COPIES = (1, 2, 4, 8, 16, 32)
MODULES_OF_A_COPY = 60
MODULES = (30, 100, 300, 1_000, 3_000)

MOST_GROWTH = 1.1
# A process may take so many MB, and of a project beyond so many lines 1 KB for each line.
MEMORY = 300.0
FREE_LINES = 200_000
MEMORY_OF_A_LINE = 1 / 1_000


def of_copies(runs: int) -> bool:
    """Let a project have ever more copies of one application."""

    def make(number: int, folder: Path) -> Path:
        return trees.copies(folder, number, MODULES_OF_A_COPY)

    return _grows(f"copies of an application of {MODULES_OF_A_COPY} modules", COPIES, make, runs)


def of_modules(runs: int) -> bool:
    """Let one application have ever more modules."""

    def make(number: int, folder: Path) -> Path:
        return trees.application(folder, number)

    return _grows("modules of one application", MODULES, make, runs)


def _grows(what: str, sizes: Sequence[int], make: Callable[[int, Path], Path], runs: int) -> bool:
    """Measure all sizes by turns, and judge growth and memory."""
    tools = {size: ours("--exit-zero") for size in sizes}
    lines: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {size: make(size, Path(scratch).resolve() / str(size)) for size in sizes}
        for _ in range(runs):
            for size, tool in tools.items():
                take_turns([tool], 1, lambda _: folders[size])  # noqa: B023
        lines = {size: trees.lines_in(folder) for size, folder in folders.items()}
    for size, tool in tools.items():
        tool.name = f"{size} {what}, {lines[size]} lines"
    print_table(f"growth with {what}", [*tools.values()])
    slope = exponent([lines[size] for size in sizes], [tools[size].median for size in sizes])
    kept = judge("exponent of CPU, by lines", slope, MOST_GROWTH)
    worst = max(_memory_used(tools[size], lines[size]) for size in sizes)
    return judge("most memory, by what it may be", worst, 1.0) and kept


def _memory_used(tool: Tool, lines: int) -> float:
    """Return the part of the memory that the processes may take which one of them took."""
    return tool.peak / (MEMORY + max(0, lines - FREE_LINES) * MEMORY_OF_A_LINE)
