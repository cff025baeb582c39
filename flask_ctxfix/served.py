"""Which applications a project serves, as the files say that it is started with.

Read as text, and no more than that: what cannot be understood says nothing.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import NamedTuple

from flask_ctxfix.discovery import DEFAULT_EXCLUDE
from flask_ctxfix.folders import is_project, names_in
from flask_ctxfix.source import SourceError, read_bytes

_FOUND_BY_FLASK = ("wsgi.py", "app.py")
_FLASK_NAMES = ("app", "application", "create_app", "make_app")
_SOURCE_FOLDERS = ("", "src/", "lib/", "python/", "source/")
_VARIABLE = "FLASK_APP"
# Servers, each with the attribute that one takes where none is named.
_SERVERS = {
    "daphne": None,
    "flask": None,
    "granian": None,
    "gunicorn": "application",
    "hypercorn": "app",
    "uvicorn": None,
    "uwsgi": "application",
    "waitress-serve": None,
}
_WORDS = (*_SERVERS, _VARIABLE)
# Options that are followed by an application; the other servers take it without one.
_NAMING: dict[str, frozenset[str]] = {
    "flask": frozenset(("-A", "--app")),
    "uwsgi": frozenset(("-w", "--module", "--wsgi", "--wsgi-file")),
}
# Options that are followed by what looks like an application and is none.
_NO_APPLICATION = frozenset(("-b", "-c", "-g", "-k", "-n", "-u", "--bind", "--config", "--group"))
_NO_APPLICATION |= {"--logger-class", "--name", "--user", "--worker-class"}
_FOLDER_OPTIONS = frozenset(("--app-dir", "--chdir", "--pythonpath"))
_INSTALLING = frozenset(("add", "install"))
_OPERATORS = frozenset(("&", "&&", ";", "|", "||"))
# No command is longer, and what is costs much to take apart.
_LONGEST = 10_000
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_APPLICATION = re.compile(rf"({_DOTTED}):([^\W\d]\w*)(?:\.\w+)*(\(.*\))?", re.DOTALL)
_MODULE = re.compile(_DOTTED)
_SEPARATED = re.compile(r"\s*(;|&&|\|\|)\s*")
_FILE = re.compile(r"(?:\./)?((?:[\w-]+/)*[\w-]+)(?:\.py)?(?::([^\W\d]\w*)(?:\(.*\))?)?", re.DOTALL)
_ASSIGNMENT = re.compile(rf"\b{_VARIABLE}[\"']?\s*[=:]\s*(.*)")
_INSTRUCTION = re.compile(r"\s*(CMD|ENTRYPOINT|ENV)\s+(.*)", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s,\[\]\"']+)")
_KEY = re.compile(r"(\s*)(?:-\s+)?[\"']?([\w.-]+)[\"']?\s*:(?:\s+(.*))?$")
_SET_APART = re.compile(rf"^{_VARIABLE}\s+")
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")


class Served(NamedTuple):
    """An application that is served: where it is, from which folder on, and by what.

    `attribute` is what `module` binds to it, or to what makes it; None where that is not said.
    `is_started` is whether a command starts a server for it, rather than that Flask is told of it.
    """

    module: str
    attribute: str | None
    by: str
    folder: str
    is_started: bool

    def fits(self, path: str) -> bool:
        """Whether a file, by its absolute path, is the module."""
        below = self.module.replace(".", "/")
        starts = (f"{self.folder}/{source}{below}" for source in _SOURCE_FOLDERS)
        return any(path in (f"{start}.py", f"{start}/__init__.py") for start in starts)


class _Named(NamedTuple):
    """An application as a command or a variable names it, and the folder that is gone to before."""

    module: str
    attribute: str | None
    by: str
    folder: str = ""
    is_started: bool = False


def served_in(folder: str) -> tuple[Served, ...]:
    """Return what the files in a folder, and in those right below it, say that is served."""
    found: dict[Served, None] = {}
    for path in _files(folder):
        name = path[path.rfind("/") + 1 :]
        reader = next((read for pattern, read in _READERS if fnmatchcase(name, pattern)), None)
        data = _read(path) if reader is not None else b""
        text = data.decode("utf-8", "replace")
        if reader is not None and _is_telling(text):
            starts = dict.fromkeys((path[: path.rfind("/")], folder))
            for named in reader(text):
                for start in starts:
                    found[_served(named, start, os.path.relpath(path, folder))] = None
    if not any(each.by.startswith(_VARIABLE) for each in found):
        found.update(dict.fromkeys(_found_by_flask(folder)))
    return tuple(found)


def _served(named: _Named, start: str, file: str) -> Served:
    folder = os.path.normpath(f"{start}/{named.folder}")
    by = f"{named.by} in {file}"
    return Served(named.module, named.attribute, by, folder, named.is_started)


def _files(folder: str) -> Iterator[str]:
    """Yield the files in a folder and right below it, but for those of other projects."""
    names = sorted(names_in(folder))
    yield from (f"{folder}/{name}" for name in names)
    for name in names:
        if not name.startswith(".") and name not in DEFAULT_EXCLUDE:
            below = names_in(f"{folder}/{name}")
            if not is_project(f"{folder}/{name}", below):
                yield from (f"{folder}/{name}/{each}" for each in sorted(below))


def _read(path: str) -> bytes:
    try:
        return read_bytes(path)
    except SourceError:
        return b""


def _found_by_flask(folder: str) -> Iterator[Served]:
    """Yield what ``flask run`` serves if nothing says what: it takes the first file that is there.

    A file that does not parse, or binds none of the names that it looks for, is passed over.
    """
    for name in _FOUND_BY_FLASK:
        bound = _bound_in(_read(f"{folder}/{name}"))
        attribute = next((each for each in _FLASK_NAMES if each in bound), None)
        if attribute is not None:
            by = f"{name}, as `flask run` finds it"
            yield Served(name.removesuffix(".py"), attribute, by, folder, is_started=False)
            return


def _bound_in(data: bytes) -> set[str]:
    """Return the names that the text of a module binds at its top level."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return set()
    bound = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in statement.names}
        elif isinstance(statement, ast.Assign):
            bound |= {each.id for each in statement.targets if isinstance(each, ast.Name)}
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            bound.add(statement.target.id)
    return bound


# The files.


def read_variables(text: str) -> Iterator[_Named]:
    """Yield what a file of variables names: .env or .flaskenv."""
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield from _of_variable(line)


def read_commands(text: str) -> Iterator[_Named]:
    """Yield what the commands of a script or a Procfile serve."""
    for line in _CONTINUED.sub(" ", text).splitlines():
        if _is_telling(line) and not line.lstrip().startswith("#"):
            yield from _of_words(_words(line))


def read_dockerfile(text: str) -> Iterator[_Named]:
    """Yield what a container serves that a Dockerfile makes."""
    entry: list[str] = []
    lines = (line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    for line in _CONTINUED.sub(" ", "".join(lines)).splitlines():
        match = _INSTRUCTION.match(line)
        if match is None:
            continue
        instruction, rest = match[1].upper(), match[2].strip()
        if instruction == "ENV":
            yield from _of_variable(_SET_APART.sub(rf"{_VARIABLE}=", rest))
        elif rest.startswith("["):
            words = _listed(rest)
            entry = words if instruction == "ENTRYPOINT" else entry
            yield from _of_words(words if instruction == "ENTRYPOINT" else [*entry, *words])
        else:
            yield from _of_words(_words(rest))


def read_compose(text: str) -> Iterator[_Named]:
    """Yield what the services of a compose file serve, each from the folder it is built in."""
    for service in _services(text):
        folder = ""
        found: list[_Named] = []
        for index, line in enumerate(service):
            key = _KEY.match(line)
            name, value = (key[2], (key[3] or "").strip()) if key is not None else ("", "")
            if name in ("build", "context") and value and "$" not in value:
                folder = value.strip("\"'")
            elif name in ("command", "entrypoint") and key is not None:
                found += _of_words(_value(value, len(key[1]), service, index + 1))
            else:
                found += _of_variable(line)
        for named in found:
            yield named._replace(folder=f"{folder}/{named.folder}" if folder else named.folder)


def read_settings(text: str) -> Iterator[_Named]:
    """Yield what the settings of uWSGI serve."""
    words = ["uwsgi"]
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            words += [f"--{key.strip()}", value.strip()]
    yield from _of_words(words)


_READERS: tuple[tuple[str, Callable[[str], Iterable[_Named]]], ...] = (
    (".flaskenv", read_variables),
    (".env", read_variables),
    ("Procfile*", read_commands),
    ("*Dockerfile*", read_dockerfile),
    ("*docker-compose*.y*ml", read_compose),
    ("*compose*.y*ml", read_compose),
    ("*uwsgi*.ini", read_settings),
    ("*.sh", read_commands),
    ("*.service", read_commands),
    ("Makefile", read_commands),
)


def _services(text: str) -> Iterator[list[str]]:
    """Yield the lines of each service of a compose file, told apart by how they are indented."""
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    starts = (i for i, line in enumerate(lines) if line.rstrip() == "services:")
    first = next(starts, len(lines)) + 1
    indent = _indent(lines[first]) if first < len(lines) else 0
    service: list[str] = []
    for line in lines[first:]:
        if _indent(line) <= indent:
            yield service
            service = []
        if _indent(line) < indent:
            return
        service.append(line)
    yield service


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _value(value: str, indent: int, lines: list[str], following: int) -> list[str]:
    """Return the words of a value of YAML: in its line, in brackets, or in those that follow."""
    is_below = value.rstrip("+-") in ("", ">", "|")
    text = "" if is_below else value
    while following < len(lines):
        line = lines[following]
        is_open = text.startswith("[") and "]" not in text
        mark = "- " if is_below else "]"
        is_last = _indent(line) == indent and line.lstrip().startswith(mark)
        if not (is_below or is_open) or not (is_last or _indent(line) > indent):
            break
        text += f" {line.strip().removeprefix('- ')}"
        following += 1
    is_listed = is_below or text.startswith("[")
    return _listed(text) if is_listed else [text.strip("\"'")]


def _listed(text: str) -> list[str]:
    """Return the items of a list as JSON and YAML write it on one line."""
    return ["".join(match) for match in _QUOTED.findall(text)]


# The commands.


def _is_telling(text: str) -> bool:
    """Whether a text names a server or the variable of Flask."""
    return any(word in text for word in _WORDS)


def _of_variable(text: str) -> Iterator[_Named]:
    """Yield the application that a text gives to the variable of Flask."""
    match = _ASSIGNMENT.search(text)
    words = _words(match[1]) if match is not None else ()
    named = _application(words[0].strip("\"',]}"), None) if words else None
    if named is not None:
        yield _Named(*named, _VARIABLE)


def _words(text: str) -> list[str]:
    """Return the words of a line as a shell takes them apart."""
    if len(text) > _LONGEST:
        return []
    try:
        return shlex.split(_SEPARATED.sub(r" \1 ", text), comments=True)
    except ValueError:
        return text.split()


def _of_words(words: list[str]) -> Iterator[_Named]:
    """Yield what commands serve, after the variables that they set."""
    folder = ""
    command: list[str] = []
    for word in (*_without_shell(words), ";"):
        if word not in _OPERATORS:
            command.append(word)
            continue
        folder = _folder_of(command) or folder
        yield from _of_command(command, folder)
        command = []


def _without_shell(words: list[str]) -> Iterator[str]:
    """Yield words, and those of what is given to a shell as one."""
    for word in words:
        yield from _words(word) if " " in word else (word,)


def _of_command(words: list[str], folder: str) -> Iterator[_Named]:
    for index, word in enumerate(words):
        yield from _of_variable(word) if word.startswith(_VARIABLE) else ()
        server = word[word.rfind("/") + 1 :]
        if server in _SERVERS and _INSTALLING.isdisjoint(words[:index]):
            named = _application_among(words[index + 1 :], server)
            if named is not None:
                is_started = server != "flask" or "run" in words
                yield _Named(*named, server, folder, is_started)
            return


def _folder_of(words: list[str]) -> str:
    """Return the folder that a command goes to, or has its server go to."""
    for word, following in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name in _FOLDER_OPTIONS or words[:1] == ["cd"] == [word]:
            folder = value if equals else following
            return "" if "$" in folder or folder.startswith("/") else folder
    return ""


def _application_among(words: list[str], server: str) -> tuple[str, str | None] | None:
    """Return the application that the words behind a server's name name."""
    usual = _SERVERS[server]
    plain = []
    before = ""
    for word in (part for each in words for part in _parts(each)):
        if before in _NAMING.get(server, ()):
            return _application(word, usual)
        if not word.startswith("-") and before not in _NO_APPLICATION:
            plain.append((word, before))
        before = word
    if server in _NAMING:
        return None
    clear = next((word for word, _ in plain if _APPLICATION.fullmatch(word)), None)
    if clear is None and usual is not None:
        # What stands behind an option may be its value.
        ends = [*plain[:1], *plain[-1:]]
        clear = next((w for w, b in ends if not b.startswith("-") and _MODULE.fullmatch(w)), None)
    return None if clear is None else _application(clear, usual)


def _parts(word: str) -> list[str]:
    """Return an option and its value, which may be one word."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and word.startswith("-") else [word]


def _application(text: str, usual: str | None) -> tuple[str, str | None] | None:
    """Return module and attribute of an application, named as a module or as a file."""
    match = _APPLICATION.fullmatch(text)
    if match is not None:
        return match[1], match[2]
    if _MODULE.fullmatch(text.removesuffix(".py")):
        return text.removesuffix(".py"), usual
    as_file = _FILE.fullmatch(text)
    return (as_file[1].replace("/", "."), as_file[2] or usual) if as_file is not None else None
