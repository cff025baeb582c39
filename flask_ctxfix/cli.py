"""The command: from options to settings, to the engine, to the report."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from flask_ctxfix import __version__, engine, reports
from flask_ctxfix.reports import summary
from flask_ctxfix.settings import OUTPUT_FORMATS, THREAD_FIXES, SettingsError, load
from flask_ctxfix.source import SourceError, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask_ctxfix.codemod import Rule
    from flask_ctxfix.outcome import Mode, Outcome

_MODES = ("diff", "apply", "undo", "list_rules", "explain")
_INTERRUPTED = 130
# The option that begins each group of --help, and the heading of the group.
_GROUPS = {
    "diff": "What to do",
    "select": "Which rules",
    "unsafe_fixes": "Which fixes",
    "exclude": "Which files",
    "output_format": "Output",
    "version": "About",
}
_SAME_AS_SETTINGS = (
    "select",
    "ignore",
    "exclude",
    "extend-exclude",
    "target-version",
    "thread-fix",
    "output-format",
)


def _split(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> list[str] | None:
    """Return what commas separate in all values; None if there are none."""
    items = [item.strip() for value in values for item in value.split(",")]
    return [item for item in items if item] if values else None


def _items(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, multiple=True, callback=_split, **attributes)


class _Command(click.Command):
    """A command that lists its options in groups, and speaks of wrong usage as of other errors."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in _GROUPS.values()}
        heading = ""
        for option in self.get_params(ctx):
            heading = _GROUPS.get(option.name or "", heading)
            record = option.get_help_record(ctx)
            if isinstance(option, click.Option) and record is not None:
                groups[heading].append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            _complain(error.format_message())
            sys.exit(2)


@click.command(
    cls=_Command,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--diff", is_flag=True, help="Show every fix as a unified diff; write nothing.")
@click.option("--apply", is_flag=True, help="Write the fixes to the files.")
@click.option(
    "--undo",
    is_flag=True,
    help="Undo the last --apply of this project, except in files that have changed since.",
)
@click.option(
    "--explain",
    metavar="CODE",
    help="Describe one rule; with PATHS, also list its findings, each with its path.",
)
@click.option("--list-rules", is_flag=True, help="List all rules.")
@_items(
    "--select",
    metavar="CODES",
    help="Run only these rules, such as CTX101,CTX4; CTX4 stands for every rule that starts with "
    "it. Rules of level info run only if they are selected.",
)
@_items("--ignore", metavar="CODES", help="Skip these rules.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="Also make fixes that can change what working code does."
)
@click.option(
    "--target-version",
    metavar="VERSION",
    help="The Flask that the fixed code must run on: 2.2, 2.3, 3.0, 3.1, 3.2, or a range such as "
    "2.2-3.2. [default: the newest release that the project's metadata allows]",
)
@click.option(
    "--thread-fix",
    type=click.Choice(THREAD_FIXES),
    help="How to fix a thread that reads the request: wrap copies the context, values passes what "
    "the thread reads, safest takes the one that is safe. [default: safest]",
)
@_items("--exclude", metavar="PATTERNS", help="Replace the default exclusions by these patterns.")
@_items("--extend-exclude", metavar="PATTERNS", help="Exclude files that match these as well.")
@click.option("--no-gitignore", is_flag=True, help="Also search files that .gitignore lists.")
@click.option(
    "--stdin-filename",
    metavar="PATH",
    default="-",
    help="The file that stdin (the path `-`) stands for.",
)
@click.option(
    "--output-format",
    type=click.Choice(OUTPUT_FORMATS),
    help="How to print findings. [default: text]",
)
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    help="When to use colour; auto is on a terminal, unless NO_COLOR is set.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option("-q", "--quiet", is_flag=True, help="Print no summary.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Print tracebacks, and what could not be analysed."
)
@click.version_option(__version__, message="flask-ctxfix %(version)s")
def main(**options: Any) -> None:
    """Find and fix Flask code that loses or leaks its request context.

    PATHS are files and folders; without any, the paths in pyproject.toml or the current folder are
    searched. Findings are listed, unless an option below asks for something else. The path `-`
    reads from stdin; with --apply, the fixed text is written to stdout.

    Exit status: 0 if nothing was found or everything is fixed; 1 if findings remain or --diff has
    something to show; 2 for wrong usage, wrong settings, or a file that could not be read, parsed
    or written.
    """
    try:
        sys.exit(_run(options))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SettingsError as error:
        _complain(str(error))
    except (click.ClickException, BrokenPipeError):
        raise
    except Exception as error:
        if options["verbose"]:
            raise
        cause = " ".join(str(error).split())
        _complain(
            f"internal error: {type(error).__name__}: {cause} (--verbose shows the traceback)"
        )
    sys.exit(2)


def _run(options: dict[str, Any]) -> int:
    modes = [mode for mode in _MODES if options[mode]]
    if len(modes) > 1:
        first, second, *_ = (f"--{mode.replace('_', '-')}" for mode in modes)
        raise SettingsError(f"{first} cannot be used with {second}")
    if options["list_rules"]:
        return _list_rules()
    if options["explain"]:
        code = _explain(options["explain"])
        return _search("list", options, explained=code) if options["paths"] else 0
    if options["undo"]:
        return _undo(load(_given(options)).root)
    return _search(modes[0] if modes else "list", options)  # type: ignore[arg-type]


def _search(mode: Mode, options: dict[str, Any], explained: str | None = None) -> int:
    """Do a run, or explain the findings of the one rule."""
    stdin = None
    if "-" in options["paths"]:
        if len(options["paths"]) > 1:
            raise SettingsError("`-` cannot be combined with other paths")
        options["paths"] = (options["stdin_filename"],)
        data = sys.stdin.buffer.read()
        try:
            stdin = decode(options["stdin_filename"], data)
        except SourceError as error:
            _print(data if mode == "apply" else b"")
            _complain(str(error))
            return 2
    only = {} if explained is None else {"select": [explained], "ignore": []}
    given = {**_given(options), **only}
    settings = load(given)
    is_verbose = options["verbose"]
    outcome = engine.run(settings, mode, stdin=stdin, options=given, counts_contexts=is_verbose)
    if stdin is not None and mode == "apply":
        _print(outcome.results[0].after.data if outcome.results else stdin.data)
    else:
        report = reports.render(
            outcome,
            settings,
            colour=_is_coloured(options["color"]),
            is_ascii=not _shows_arrows(),
            is_explained=explained is not None,
        )
        _print(b"\n" + report if explained and report else report)
    _print_errors(outcome.errors, options["verbose"])
    _print_refused(outcome)
    for detected in summary.targets(outcome):
        if detected.is_too_old:
            click.echo(f"warning: {detected.reason}", err=True)
    if options["verbose"]:
        _print_bounds(outcome)
        click.echo(summary.contexts(outcome), err=True, nl=False)
    if not options["quiet"]:
        click.echo(summary.render(outcome, settings), err=True)
    return _status(outcome, options["exit_zero"])


def _given(options: dict[str, Any]) -> dict[str, object]:
    """Return the options that are given, keyed and shaped as in pyproject.toml."""
    given = {
        "paths": list(options["paths"]),
        "gitignore": False if options["no_gitignore"] else None,
        "unsafe-fixes": options["unsafe_fixes"] or None,
    }
    for key in _SAME_AS_SETTINGS:
        given[key] = options[key.replace("-", "_")]
    return {key: value for key, value in given.items() if value not in (None, [])}


def _is_coloured(choice: str) -> bool:
    if choice == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return choice == "always"


def _shows_arrows() -> bool:
    """Whether stdout can show the signs of paths."""
    try:
        "→⇒…".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _complain(text: str) -> None:
    click.echo(f"error: {text}", err=True)


def _print_errors(errors: Iterable[SourceError], verbose: bool) -> None:
    for error in errors:
        _complain(str(error))
        details = getattr(error, "details", "")
        if verbose and details:
            click.echo(details, err=True)


def _print_refused(outcome: Outcome) -> None:
    """Say which fixes did not stand the proof: what fails alike in one file has one line."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    for located in (each for result in outcome.results for each in result.refused):
        finding = located.finding
        alike = (finding.filename, finding.code, finding.no_fix_reason or "")
        lines.setdefault(alike, []).append(located.start[0])
    for (path, code, reason), rows in lines.items():
        more = f" (nor for {len(rows) - 1} more below)" if len(rows) > 1 else ""
        click.echo(f"warning: {path}:{rows[0]}: {code}: no automatic fix{more}: {reason}", err=True)


def _print_bounds(outcome: Outcome) -> None:
    """Say what was left unknown although nothing is wrong with it."""
    for bound, count in sorted(outcome.bounds.items()):
        click.echo(f"note: not followed, {summary.count(count, 'time')}: {bound}", err=True)


def _status(outcome: Outcome, exit_zero: bool) -> int:
    if outcome.is_interrupted:
        return _INTERRUPTED
    if outcome.errors:
        return 2
    left = any(
        result.remaining or (outcome.mode == "diff" and result.is_changed)
        for result in outcome.results
    )
    return int(left and not exit_zero)


def _undo(root: str) -> int:
    from flask_ctxfix.apply import Journal

    restored, errors = Journal(root).undo()
    _print_errors(errors, verbose=False)
    if restored or not errors:
        click.echo(f"{summary.count(len(restored), 'file')} restored.", err=True)
    return 2 if errors else 0


def _rules() -> dict[str, Rule]:
    from flask_ctxfix.codemod import by_code

    return by_code(engine.load_codemods())


def _list_rules() -> int:
    rules = _rules().values()
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        _print(f"{rule.code}  {rule.name:{width}}  {rule.message}\n".encode())
    return 0


def _explain(code: str) -> str:
    """Print what a rule says about itself, and return how its code is spelled."""
    from inspect import getdoc

    rule = _rules().get(code.upper())
    if rule is None:
        raise SettingsError(f'--explain: unknown rule "{code}"; see --list-rules')
    levels = f" ({', '.join(rule.levels)})" if rule.levels else ""
    _print(f"{rule.code} {rule.name}{levels}\n\n{getdoc(type(rule))}\n".encode())
    return rule.code
