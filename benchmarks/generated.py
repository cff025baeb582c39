"""Code that looks like that of people: applications of Flask, and code without it.

What is written depends on the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

NOUNS = (
    *("account", "address", "article", "asset", "basket", "batch", "booking", "branch", "budget"),
    *("campaign", "catalog", "channel", "client", "comment", "contract", "coupon", "course"),
    *("customer", "delivery", "device", "discount", "document", "draft", "employee", "event"),
    *("export", "folder", "gallery", "group", "invoice", "issue", "label", "ledger", "license"),
    *("location", "mailbox", "meeting", "member", "message", "metric", "note", "offer", "order"),
    *("package", "parcel", "partner", "patient", "payment", "permit", "photo", "plan", "player"),
    *("policy", "price", "product", "profile", "project", "queue", "quote", "rating", "receipt"),
    *("record", "refund", "region", "report", "review", "room", "schedule", "sensor", "shift"),
    *("shipment", "station", "stock", "survey", "ticket", "tour", "trip", "vehicle", "vendor"),
    *("vote", "voucher", "warehouse", "worker", "zone"),
)
VERBS = (
    *("apply", "archive", "assign", "build", "cancel", "check", "close", "collect", "combine"),
    *("compare", "count", "create", "describe", "estimate", "expand", "filter", "find", "format"),
    *("group", "load", "match", "merge", "move", "normalize", "pick", "plan", "rank", "refresh"),
    *("resolve", "round", "score", "select", "sort", "split", "summarize", "sync", "validate"),
)
FIELDS = ("amount", "city", "code", "kind", "language", "limit", "name", "owner", "state", "total")
PACKAGE = 50
Function = tuple[str, str]  # the module that defines it, and its name

_LIBRARIES = """\
import logging
import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
"""
_FLASK = """\
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    render_template,
    request,
    session,
)
"""
_CONSTANTS = """
logger = logging.getLogger(__name__)
_PATTERN = re.compile(r"[a-z]+-\\d+")
LIMIT = 100
"""


class Code:
    """Writes the modules of one program; they import what was written before them."""

    def __init__(self, seed: int, package: str = "") -> None:
        self.random = Random(seed)
        self._prefix = f"{package}." if package else ""
        self._functions: list[Function] = []
        self._count = 0

    def module_name(self, layer: str) -> str:
        """Return the name of a module that there is not yet."""
        self._count += 1
        return f"{self.random.choice(NOUNS)}_{layer}_{self._count}"

    def names(self, number: int) -> list[str]:
        """Return names of functions, all different."""
        found: dict[str, None] = {}
        while len(found) < number:
            found[f"{self.random.choice(VERBS)}_{self.random.choice(NOUNS)}"] = None
        return list(found)

    def imported(self, most: int) -> list[Function]:
        """Return some functions of other modules, the late ones rather than the early ones."""
        known = self._functions[-400:]
        return self.random.sample(known, min(self.random.randint(1, most), len(known)))

    def plain(self, name: str, functions: int = 6) -> str:
        """Return a module of functions and a class that know no framework."""
        used = self.imported(4)
        names = self.names(functions)
        parts = [
            f'"""How to {names[0].replace("_", " ")}s, and what else belongs to that."""',
            "import logging\nimport re\nfrom dataclasses import dataclass, field\n",
            *self._imports(used),
            _CONSTANTS,
            self._record(),
            *(self._function(each, used) for each in names),
        ]
        self._functions += [(name, each) for each in names]
        return "\n".join(parts)

    def views(self, name: str, views: int = 5) -> str:
        """Return a module with a blueprint."""
        noun = self.random.choice(NOUNS)
        used = self.imported(6)
        parts = [
            f'"""Pages of {noun}s."""\n',
            "import threading\nfrom functools import lru_cache\n",
            _FLASK,
            *self._imports(used),
            f'\nbp = Blueprint("{name}", __name__, url_prefix="/{noun}s")',
            f"_last_{noun} = None\n",
            *(self._view(each, noun, used) for each in self.names(views)),
        ]
        if self.random.random() < 0.5:
            parts.append(self._leak(noun))
        return "\n".join(parts)

    def section(self, number: int) -> str:
        """Return a part of a large module: functions and views whose names no other part has."""
        plain = [f"{each}_{number}" for each in self.names(3)]
        local = [("", each) for each in plain]
        noun = f"{self.random.choice(NOUNS)}{number}"
        views = (f"{each}_{number}" for each in self.names(2))
        parts = [
            *(self._function(each, ()) for each in plain),
            *(self._view(each, noun, local) for each in views),
        ]
        if number % 10 == 0:
            parts.append(f"\n_last_{noun} = None\n\n{self._leak(noun)}")
        return "\n".join(parts)

    def application(self, views: Sequence[str]) -> str:
        """Return the module that makes an application with the blueprints of others."""
        imports = "\n".join(
            f"    from {self._prefix}{each} import bp as {each}_bp" for each in views
        )
        registers = "\n".join(f"    app.register_blueprint({each}_bp)" for each in views)
        return f'''"""The application."""

import os

from flask import Flask


def create_app(config=None):
    """Make an application."""
    app = Flask(__name__)
    app.config.from_mapping(SECRET_KEY=os.environ.get("SECRET_KEY", "dev"))
    if config is not None:
        app.config.update(config)
{imports}

{registers}

    @app.errorhandler(404)
    def not_found(error):
        return {{"error": str(error)}}, 404

    return app


if __name__ == "__main__":
    create_app().run(debug=True)
'''

    def _imports(self, used: Sequence[Function]) -> Iterator[str]:
        for module, name in used:
            yield f"from {self._prefix}{module} import {name}"

    def _record(self) -> str:
        noun = self.random.choice(NOUNS).capitalize()
        first, second, third = self.random.sample(FIELDS, 3)
        return f'''@dataclass
class {noun}:
    """One {noun.lower()}, as it is stored."""

    {first}: str
    {second}: int = 0
    {third}s: list[str] = field(default_factory=list)

    def is_open(self) -> bool:
        """Whether something is left to do."""
        return self.{second} > 0 and bool(self.{third}s)

    def add_{third}(self, {third}: str) -> None:
        """Note another one, once."""
        if {third} not in self.{third}s:
            self.{third}s.append({third})

'''

    def _call(self, used: Sequence[Function], argument: str) -> str:
        if not used:
            return f"list({argument})"
        return f"{self.random.choice(used)[1]}({argument})"

    def _function(self, name: str, used: Sequence[Function]) -> str:
        item = name.split("_")[1]
        first, second = self.random.sample(FIELDS, 2)
        number = self.random.randint(2, 90)
        shapes = (
            f'''    found = {{}}
    for {item} in {item}s:
        key = {item}.get("{first}") or "{second}"
        found.setdefault(key, []).append({item})
        if len(found) > LIMIT:
            logger.warning("more than %d kinds of {item}s", LIMIT)
            break
    return {self._call(used, "found")}
''',
            f'''    wanted = set({item}s) if {first} is None else {{{first}}}
    chosen = [each for each in {item}s if each["{first}"] in wanted]
    total = sum(int(each.get("{second}", 0)) for each in chosen)
    if total > {number} * len(chosen):
        chosen.sort(key=lambda each: each["{second}"], reverse=True)
    return {self._call(used, "chosen")}
''',
            f"""    try:
        head, *rest = ({item} for {item} in {item}s if _PATTERN.match(str({item})))
    except ValueError:
        logger.info("no {item} to choose from")
        return []
    result = [head]
    while rest and len(result) < {number}:
        result.append(rest.pop())
    return {self._call(used, "result")}
""",
        )
        return f'''
def {name}({item}s, {first}=None):
    """{name.replace("_", " ").capitalize()}s by their {first}."""
{self.random.choice(shapes)}'''

    def _view(self, name: str, noun: str, used: Sequence[Function]) -> str:
        first, second = self.random.sample(FIELDS, 2)
        shapes = (
            f'''
@bp.get("/{name}/<int:{noun}_id>")
def {name}({noun}_id):
    """Show one {noun}."""
    {first} = request.args.get("{first}", "")
    found = {self._call(used, f"[{{'id': {noun}_id, '{first}': {first}}}]")}
    if not found:
        abort(404)
    g.{noun} = found
    return render_template("{noun}/{name}.html", {noun}=found, {first}={first})
''',
            f'''
@bp.route("/{name}", methods=["GET", "POST"])
def {name}():
    """Take a form in."""
    if request.method == "POST":
        {first} = request.form["{first}"].strip()
        if not {first}:
            return jsonify(error="{first} is missing"), 400
        session["{second}"] = request.form.get("{second}")
        current_app.logger.info("new {noun}: %s", {first})
        return jsonify({self._call(used, f"[{first}]")}), 201
    return render_template("{noun}/{name}.html", {second}=session.get("{second}"))
''',
            f'''
@bp.post("/{name}")
def {name}():
    """Start what takes longer."""
    payload = request.get_json()
    application = current_app._get_current_object()

    def work({second}):
        with application.app_context():
            application.logger.info("%s", {self._call(used, f"[{second}]")})

    threading.Thread(target=work, args=(payload["{second}"],)).start()
    return "", 202
''',
        )
        return self.random.choice(shapes)

    def _leak(self, noun: str) -> str:
        first = self.random.choice(FIELDS)
        return self.random.choice(
            (
                f'''
@bp.get("/current/{first}")
def keep_{noun}():
    """Remember what was asked for last."""
    global _last_{noun}
    _last_{noun} = request.args.get("{first}")
    return describe_last_{noun}()


def describe_last_{noun}():
    """Tell what is remembered."""
    return f"{{_last_{noun}}} for {{request.remote_addr}}"
''',
                f'''
def notify_{noun}():
    """Tell others."""
    print(current_app.name, request.args["{first}"])


@bp.post("/notify/{first}")
def start_{noun}():
    """Tell others, elsewhere."""
    threading.Thread(target=notify_{noun}).start()
    return "", 204
''',
                f'''
@bp.get("/stream/{first}")
def stream_{noun}():
    """Send one line after the other."""

    def lines():
        for number in range(10):
            yield f"{{number}} {{request.args['{first}']}}\\n"

    return Response(lines(), mimetype="text/plain")
''',
                f'''
@lru_cache
def cached_{noun}():
    """Look up what is asked for."""
    return request.headers.get("X-{first.capitalize()}")


@bp.get("/cached/{first}")
def show_{noun}():
    """Show it."""
    return cached_{noun}()
''',
            )
        )


def application(modules: int, seed: int, package: str = "") -> dict[str, str]:
    """Return an application of so many modules: the text of each file, by its name."""
    code = Code(seed, package)
    files = {"__init__.py": f'"""All of {package}."""\n'} if package else {}
    views: list[str] = []
    for number in range(modules - 1 - len(files)):
        is_view = number % 3 == 2
        name = code.module_name("views" if is_view else "service")
        files[f"{name}.py"] = code.views(name) if is_view else code.plain(name)
        views += [name] if is_view else []
    files["application.py"] = code.application(views)
    return files


def large_file(lines: int, seed: int) -> str:
    """Return one module of an application with about so many lines."""
    code = Code(seed)
    text = f"{_LIBRARIES}\n{_FLASK}\n{_CONSTANTS}\nbp = Blueprint('all', __name__)\n"
    number = 0
    while text.count("\n") < lines:
        number += 1
        text += code.section(number)
    return text


def mixed(files: int, share: float, seed: int) -> dict[str, str]:
    """Return so many files in packages of fifty, of which a share are those of applications."""
    packages: dict[str, str] = {}
    for number in range(files // PACKAGE):
        is_application = number % round(1 / share) == 0
        package = f"{NOUNS[number % len(NOUNS)]}_{number}"
        modules = (
            application(PACKAGE, seed + number, package) if is_application else {"__init__.py": ""}
        )
        code = Code(seed + number, package)
        while len(modules) < PACKAGE:
            name = code.module_name("module")
            modules[f"{name}.py"] = code.plain(name)
        packages.update((f"{package}/{name}", text) for name, text in modules.items())
    return packages


def write(files: dict[str, str], folder: Path) -> Path:
    """Write files below a folder, which is made for them, and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
