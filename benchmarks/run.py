"""Measure flask-ctxfix against other tools, and against itself: ``python benchmarks/run.py``.

Every figure is printed beside its limit. All are of CPU, of whole processes and what they start;
tools that are compared take turns. Needs flask-ctxfix and Ruff installed beside this interpreter,
the package index, and some hours: name the parts that you want, ``--runs 1`` gives an idea.

``python benchmarks/run.py analysis --on FOLDER...`` measures, within one process, the analysis of
contexts in applications of yours against ``ast.parse`` of the files that it looks at.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import growth
import trees
from measure import (
    HERE,
    Tool,
    judge,
    ours,
    parsing,
    print_table,
    ratio,
    ruff,
    take_turns,
)

MOST_OF_RUFF = {"standard library": 0.3, "unrelated": 0.5, "mixed": 3.0}
MOST_OF_PARSING = 5.0
LEAST_FASTER_THAN_BEFORE = 4.0
MOST_OF_PARSING_ONE_FILE = {"list": 4.0, "diff": 6.0}
MOST_OF_PARSING_IN_ONE_PROCESS = 2.0
MOST_BETWEEN_PROCESSES = 1.25
MOST_OF_START = 2.5
LEAST_FASTER_THAN_LIBCST = 20.0
MOST_MEMORY = 150.0

FILES = 20_000
SHARE = 0.05
LINES = 20_000
MODULES = 1_000
COPIES = 100


@contextmanager
def made(make: Callable[[Path], Path]) -> Iterator[Path]:
    """Give a folder that `make` makes below one for now."""
    with tempfile.TemporaryDirectory() as scratch:
        yield make(Path(scratch).resolve() / "tree")


def against_ruff(what: str, folder: Path, runs: int) -> bool:
    tools = [ruff(), ours()]
    take_turns(tools, runs, lambda _: folder)
    print_table(what, tools)
    limit = MOST_OF_RUFF[what]
    kept = judge("CPU of flask-ctxfix over that of Ruff", ratio(tools[1], tools[0]), limit)
    return judge("peak MB of flask-ctxfix", tools[1].peak, MOST_MEMORY) and kept


def standard_library(runs: int) -> bool:
    """Compare with Ruff where nothing imports Flask."""
    return against_ruff("standard library", trees.library(), runs)


def unrelated(runs: int) -> bool:
    """Compare with Ruff where a comment alone names Flask; find nothing in other frameworks."""
    with made(trees.unrelated) as folder:
        kept = against_ruff("unrelated", folder, runs)
        kept &= judge("findings there", _findings(folder), 0)
    with made(trees.other_frameworks) as folder:
        return judge("findings in other frameworks", _findings(folder), 0) and kept


def _findings(folder: Path) -> int:
    tool = ours("--output-format", "json", "--exit-zero")
    tool.run(folder)
    return len(json.loads(tool.output))


def mixed(runs: int) -> bool:
    """Compare with Ruff where a few files of many use Flask."""
    with made(lambda folder: trees.mixed(folder, FILES, SHARE)) as folder:
        tools = [ruff(), ours()]
        take_turns(tools, runs, lambda _: folder)
    print_table(f"{FILES} files, of which {SHARE:.0%} use Flask", tools)
    return judge(
        "CPU of flask-ctxfix over that of Ruff", ratio(tools[1], tools[0]), MOST_OF_RUFF["mixed"]
    )


def applications(runs: int, before: str) -> bool:
    """Compare with Python's parser, and with another flask-ctxfix, on real applications."""
    kept = True
    for requirement in trees.APPLICATIONS:
        folder = trees.package(requirement)
        tools = [parsing(), ours(), *([ours(binary=before)] if before else [])]
        take_turns(tools, runs, lambda _: folder)  # noqa: B023
        print_table(f"{requirement}, {trees.lines_in(folder)} lines", tools)
        kept &= judge("CPU over that of parsing", ratio(tools[1], tools[0]), MOST_OF_PARSING)
        if before:
            faster = ratio(tools[2], tools[1])
            kept &= judge("times faster", faster, LEAST_FASTER_THAN_BEFORE, most=False)
    return kept


def large_file(runs: int) -> bool:
    """Compare with Python's parser on one large file."""
    with made(lambda folder: trees.large_file(folder, LINES)) as folder:
        tools = [parsing(), ours(), ours("--diff")]
        take_turns(tools, runs, lambda _: folder)
    print_table(f"one file of {LINES} lines", tools)
    kept = True
    for tool, mode in zip(tools[1:], ("list", "diff"), strict=True):
        limit = MOST_OF_PARSING_ONE_FILE[mode]
        kept &= judge(f"CPU of {mode} over that of parsing", ratio(tool, tools[0]), limit)
    return kept


def processes(runs: int) -> bool:
    """Compare what one, two and four processes take together, and what the tool chooses."""
    command = [sys.executable, str(HERE / "search_with.py")]
    tools = [
        Tool(f"{number} processes" if number else "as it chooses", [*command, str(number)])
        for number in (1, 2, 4, 0)
    ]
    with made(lambda folder: trees.application(folder, MODULES)) as folder:
        take_turns(tools, runs, lambda _: folder)
    print_table(f"one application of {MODULES} modules, --diff", tools)
    least = min(tools, key=lambda tool: tool.median)
    most = max(tools, key=lambda tool: tool.median)
    return judge("CPU of the most over the least", ratio(most, least), MOST_BETWEEN_PROCESSES)


def start(runs: int) -> bool:
    """Compare one small file with what any such tool has to import."""
    tools = [Tool("import click, ast", [sys.executable, "-c", "import click, ast"]), ours()]
    with made(trees.one_file) as folder:
        take_turns(tools, runs * 8, lambda _: folder)
    print_table("one small file", tools)
    return judge("CPU over that of the imports", tools[1].median / tools[0].median, MOST_OF_START)


def leaky_tree(runs: int) -> bool:
    """Compare with LibCST's tool where there is much to rewrite."""
    libcst = Tool(
        "libcst.tool codemod, plain rename",
        [
            *(sys.executable, "-m", "libcst.tool", "codemod", "--no-format", "--hide-progress"),
            *("-x", "rename_stacks.RenameStacks"),
        ],
    )
    tools = [libcst, ours("--apply", "--target-version=3.1")]
    take_turns(tools, runs, lambda scratch: trees.leaky(scratch / "tree", COPIES))
    print_table(f"{COPIES} copies of {trees.LEAKY}", tools)
    kept = judge(
        "times faster than LibCST's tool", ratio(*tools), LEAST_FASTER_THAN_LIBCST, most=False
    )
    return judge("peak MB of flask-ctxfix", tools[1].peak, MOST_MEMORY) and kept


def analysis(folders: Sequence[str], runs: int) -> bool:
    """Compare the rules for threads with Python's parser on the same files, in one process."""
    from analysis import cost, total

    print(f"\n{'':<30}{'files':>8}{'parses':>8}", end="")
    print(f"{'parsing s':>12}{'analysis s':>12}{'run s':>10}{'ratio':>8}")
    each = [cost(folder, "CTX1", runs) for folder in folders]
    for row in (*each, total(each)):
        print(f"{row.name:<30}{row.files:>8}{row.parses:>8}", end="")
        print(f"{row.parsing:>12.3f}{row.analysis:>12.3f}{row.run:>10.3f}", end="")
        print(f"{row.ratio:>8.2f}" if row.files else f"{'-':>8}")
    limit = MOST_OF_PARSING_IN_ONE_PROCESS
    return judge("time of a run over that of parsing", total(each).ratio, limit)


def main(arguments: Iterable[str] | None = None) -> None:
    parts: dict[str, Callable[[], bool]] = {
        "stdlib": lambda: standard_library(given.runs),
        "unrelated": lambda: unrelated(given.runs),
        "mixed": lambda: mixed(given.runs),
        "applications": lambda: applications(given.runs, given.before),
        "file": lambda: large_file(given.runs),
        "processes": lambda: processes(given.runs),
        "copies": lambda: growth.of_copies(given.runs),
        "modules": lambda: growth.of_modules(given.runs),
        "start": lambda: start(given.runs),
        "tree": lambda: leaky_tree(given.runs),
        "analysis": lambda: analysis(given.on, given.runs),
    }
    parser = argparse.ArgumentParser(description="Measure flask-ctxfix against other tools.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; or all")
    parser.add_argument("--on", nargs="+", metavar="FOLDER", help="the applications of `analysis`")
    parser.add_argument("--runs", type=int, default=5, help="runs of each tool (default: 5)")
    parser.add_argument("--before", metavar="BIN", default="", help="an older flask-ctxfix")
    given = parser.parse_args(arguments)
    asked = given.parts or [name for name in parts if name != "analysis" or given.on]
    unknown = sorted({*asked} - parts.keys())
    if unknown:
        parser.error(f"no part {unknown[0]}: there are {', '.join(parts)}")
    if "analysis" in asked and not given.on:
        parser.error("analysis: of which? --on FOLDER...")
    version = sys.version.split()[0]
    print(f"Python {version}, {os.cpu_count()} processors, {given.runs} runs each")
    kept = [parts[name]() for name in asked]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
