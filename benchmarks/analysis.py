"""What the analysis of contexts costs on real applications, measured by what parsing them costs."""

from __future__ import annotations

import ast
import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flask_ctxfix import engine
from flask_ctxfix.module import Module
from flask_ctxfix.settings import load
from flask_ctxfix.source import Source


@dataclass(frozen=True)
class Cost:
    """Medians, in seconds, of one application or of several.

    `run` is a whole run of the tool; `analysis` the part of it that parses and judges files, the
    rest is finding them; `parsing` is ``ast.parse`` on the same files. A file that the run parsed
    again, since it does not keep all, is one of `files` and two of `parses`.
    """

    name: str
    files: int
    parses: int
    parsing: float
    analysis: float
    run: float

    @property
    def ratio(self) -> float:
        return self.run / self.parsing if self.parsing else 0.0


class Inline(Executor):
    """Does in this process, and at once, what it is given; `seconds` is what that took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        start = time.perf_counter()
        future.set_result(fn(*args, **kwargs))
        self.seconds += time.perf_counter() - start
        return future


def total(costs: Sequence[Cost]) -> Cost:
    """Return what all applications cost together."""
    return Cost(
        "all",
        sum(cost.files for cost in costs),
        sum(cost.parses for cost in costs),
        sum(cost.parsing for cost in costs),
        sum(cost.analysis for cost in costs),
        sum(cost.run for cost in costs),
    )


def cost(folder: str, codes: str, runs: int) -> Cost:
    """Return what the rules of `codes` cost on the application in one folder."""
    settings = load({"paths": [folder], "select": [codes]})
    executors = [Inline() for _ in range(runs)]
    with recorded() as parsed:
        run = statistics.median(
            seconds(partial(engine.run, settings, "list", executor=executor))
            for executor in executors
        )
    texts = {source.path: source.text for source in parsed}
    parsing = statistics.median(seconds(partial(parse, texts.values())) for _ in range(runs))
    analysis = statistics.median(executor.seconds for executor in executors)
    return Cost(Path(folder).name, len(texts), len(parsed) // runs, parsing, analysis, run)


@contextmanager
def recorded() -> Iterator[list[Source]]:
    """Give the sources that are parsed in the meantime."""
    parsed: list[Source] = []
    initialise = Module.__init__

    def record(self: Module, source: Source) -> None:
        parsed.append(source)
        initialise(self, source)

    Module.__init__ = record  # type: ignore[method-assign]
    try:
        yield parsed
    finally:
        Module.__init__ = initialise  # type: ignore[method-assign]


def parse(texts: Iterable[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in texts:
            with suppress(SyntaxError, ValueError):
                ast.parse(text)


def seconds(work: Callable[[], object]) -> float:
    """Return what `work` takes without the collector, which the tool's processes do without."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()
