"""Programs for which the tool must always give the same answer; each is texts by path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from random import Random
from textwrap import indent

Files = dict[str, str]

REQUIREMENTS = {"requirements.txt": "flask==3.1.*\n"}
APP = "from flask import Flask\n\napp = Flask(__name__)\n"


def in_one_file(functions: Sequence[str], views: Sequence[str]) -> Files:
    head = "import threading\n\nfrom flask import Flask, request\n\napp = Flask(__name__)\n"
    return {**REQUIREMENTS, "app.py": "\n\n".join([head, *functions, *views])}


def function(name: str, *statements: str, parameters: str = "") -> str:
    return f"def {name}({parameters}):\n" + indent("\n".join(statements) + "\n", "    ")


def view(name: str, *statements: str) -> str:
    return f'@app.route("/{name}")\n' + function(name, *statements, 'return ""')


def starting(target: str) -> str:
    return f"threading.Thread(target={target}).start()"


def recursive() -> list[str]:
    """Return two functions that call each other; the first one reads the request."""
    first = ["if n:", "    second(n - 1)", "print(request.args)"]
    second = ["if n:", "    first(n - 1)", "print(n)"]
    return [
        function("first", *first, parameters="n=3"),
        function("second", *second, parameters="n=3"),
    ]


def many_views(count: int) -> Files:
    """Return views, each in its own file, that start mutually recursive functions by turns."""
    work = "from flask import request\n\n" + "\n\n".join(recursive())
    files = {**REQUIREMENTS, "app.py": APP, "work.py": work}
    for number in range(count):
        target = ("first", "second")[number % 2]
        head = f"import threading\n\nfrom app import app\nfrom work import {target}\n\n"
        files[f"v{number:02}.py"] = head + view(f"view{number}", starting(target))
    return files


def chain(length: int, *, backwards: bool = False) -> list[str]:
    """Return functions each of which calls the next; the last reads the request."""
    functions = [function(f"f{i}", f"return f{i + 1}()") for i in range(length - 1)]
    functions.append(function(f"f{length - 1}", 'return request.args["a"]'))
    return functions[::-1] if backwards else functions


def relay(kind: str, length: int, *, is_backwards: bool = False) -> Files:
    """Return a program with a leak that is known only at the end of `length` steps of a kind."""
    steps, statements, rest = _RELAYS[kind]
    relays = [steps[0].format(i, i + 1) for i in range(length - 1)]
    relays.append(steps[1].format(length - 1))
    if is_backwards:
        relays.reverse()
    statement = "\n".join(statements).format(length - 1)
    return in_one_file([*rest, *relays], [view("one", statement)])


_WORK = function("work", "print(request.args)")
# By kind: each step and the last one, what a view does, and what else there is.
_RELAYS: dict[str, tuple[tuple[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "result": (
        ("def step{}():\n    return step{}()\n", "def step{}():\n    return work\n"),
        (starting("step0()"),),
        (_WORK,),
    ),
    "data": (
        ("def step{}(x):\n    return step{}(x)\n", "def step{}(x):\n    return x\n"),
        ("KEPT.append(step0(request.args))",),
        ("KEPT = []",),
    ),
    "argument": (
        ("def step{}(x):\n    step{}(x)\n", "def step{}(x):\n    KEPT.append(x)\n"),
        ("step0(request.args)",),
        ("KEPT = []",),
    ),
    "caller": (
        (
            "def step{}():\n    step{}()\n",
            "def step{}():\n    with app.app_context():\n        app.name\n",
        ),
        ("step0()",),
        (),
    ),
}


def many_uses(count: int, *, is_turned: bool) -> Files:
    """Return a function that uses the application in many ways, and then or before the session."""
    functions = [function(f"use{i}", f"print(current_app.a{i})") for i in range(count)]
    functions.append(function("store", 'session["user"] = 1'))
    calls = [*(f"use{i}()" for i in range(count)), "store()"]
    work = function("work", *(calls[::-1] if is_turned else calls))
    files = in_one_file([*functions, work], [view("one", starting("work"))])
    imported = "from flask import Flask, current_app, session"
    return {
        **files,
        "app.py": files["app.py"].replace("from flask import Flask, request", imported),
    }


def renamed(length: int) -> Files:
    """Return a program in which a function gets one name after the other."""
    names = ["name0 = work\n", *(f"name{i + 1} = name{i}\n" for i in range(length))]
    return in_one_file([_WORK, "".join(names)], [view("one", starting(f"name{length}"))])


def exported(length: int) -> Files:
    """Return a program in which one module after the other has a function from the next."""
    head = "import threading\n\nfrom app import app\nfrom part0 import work\n\n\n"
    files = {**REQUIREMENTS, "app.py": APP, "views.py": head + view("one", starting("work"))}
    for number in range(length):
        files[f"part{number}.py"] = f"from part{number + 1} import work\n"
    return {**files, f"part{length}.py": f"from flask import request\n\n\n{_WORK}"}


def grown(count: int) -> Files:
    """Return an application with a view in each module, which use the same helpers by name."""
    helpers = """\
import threading

from flask import _request_ctx_stack, current_app, request

SEEN = []


def notify(user):
    threading.Thread(target=deliver, args=(user,)).start()


def deliver(user):
    return audit(user, current_app.name)


def audit(user, name):
    return user, name, locale()


def locale():
    return request.args.get("lang")


def remember():
    _request_ctx_stack.top.user = request.args["user"]
    SEEN.append(request.args["user"])
"""
    files = {**REQUIREMENTS, "shop/__init__.py": "", "shop/helpers.py": helpers}
    for number in range(count - 2):
        files[f"shop/m{number:03}.py"] = f"""\
import threading

from flask import Blueprint, _request_ctx_stack, request

from shop.helpers import SEEN, audit, deliver, locale, notify, remember

bp = Blueprint("m{number}", __name__)


def page():
    return locale() + request.path


@bp.get("/{number}")
def show():
    remember()
    SEEN.append(request.headers)
    notify(_request_ctx_stack.top.user)
    threading.Thread(target=page).start()
    threading.Thread(target=deliver, args=("me",)).start()
    return audit("me", "shop")
"""
    registered = "".join(
        f"    from shop.m{n:03} import bp as bp{n}\n    app.register_blueprint(bp{n})\n"
        for n in range(count - 2)
    )
    make = "from flask import Flask\n\n\ndef create_app():\n    app = Flask(__name__)\n"
    files["shop/factory.py"] = f"{make}{registered}    return app\n"
    return files


# Statements of functions that do work. Each is made with a call of another such function.
_STEPS: Sequence[str] = (
    "{call}",
    "if x:\n    {call}",
    "for each in (1, 2):\n    {call}",
    "functools.partial({name}, 1)()",
    "callback = lambda: {call}\ncallback()",
    "def inner():\n    return {call}\ninner()",
    "Worker{module}(x).run{number}()",
    "if has_request_context():\n    {call}",
    "try:\n    {call}\nexcept RuntimeError:\n    pass",
    "with app.app_context():\n    {call}",
)
_USES: Sequence[str] = (
    "print(request.args['a'])",
    "print(request.form.get('b'))",
    "print(session.get('c'))",
    "print(g.user)",
    "print(current_app.name)",
    "print(url_for('home'))",
    "if has_request_context():\n    print(request.path)",
    "print(x)",
)
# Statements of views. Each is made with the name of a function that does work.
_VIEW_STEPS: Sequence[str] = (
    "threading.Thread(target={name}).start()",
    "threading.Thread(target={name}, args=(request.args['a'],)).start()",
    "threading.Thread(target={name}, args=(request,)).start()",
    "threading.Timer(1, {name}).start()",
    "threading.Thread(target=functools.partial({name}, 1)).start()",
    "threading.Thread(target=lambda: {name}(2)).start()",
    "threading.Thread(target=Worker{module}(1).run{number}).start()",
    "threading.Thread(target=copy_current_request_context({name})).start()",
    "POOL{module}.submit({name}, 1)",
    "list(POOL{module}.map({name}, [1, 2]))",
    "with ThreadPoolExecutor() as pool:\n    pool.submit({name})",
    "def nested():\n    return {name}(3), request.path\nthreading.Thread(target=nested).start()",
    "job{module}.delay()",
    "job{module}.delay(request)",
    "KEPT{module}.append(request.args)",
    "CACHE{module}['user'] = request.args.get('user')",
    "global LAST{module}\nLAST{module} = request.args['q']",
    "keep{module}(request.args['z'])",
    "Worker{module}.current = request.headers['User']",
    "current_app.config['LAST'] = request.args['last']",
    "cached{module}()",
    "with app.app_context():\n    {name}()",
    "with app.test_request_context():\n    {name}()",
    "app.app_context().push()\n{name}()",
    "app.before_request({name})",
    "return Response(rows{module}())",
    "return Response(stream_with_context(rows{module}()))",
    "{name}()",
)
_MODULE = """\
import functools
import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, Response, _request_ctx_stack, copy_current_request_context
from flask import current_app, g, has_request_context, request, session, stream_with_context
from flask import url_for

from site{number}.base import app, queue
{imports}

bp = Blueprint("part{module}", __name__)
POOL{module} = ThreadPoolExecutor()
KEPT{module} = []
CACHE{module} = dict()
LAST{module} = None


def keep{module}(value):
    KEPT{module}.append(value)


@functools.lru_cache
def cached{module}():
    return request.args["page"]


def rows{module}():
    for row in range(3):
        yield row, {some}()


def marked{module}():
    return getattr(_request_ctx_stack.top, "mark", None)


@queue.task
def job{module}(value=None):
    return {other}(value)
"""
_BASE = """\
from celery import Celery
from flask import Flask, _request_ctx_stack

app = Flask(__name__)
queue = Celery(__name__)
{context}


@app.before_first_request
def prepare():
    print("ready")


def top():
    return _request_ctx_stack.top.request


def mark(value):
    _request_ctx_stack.top.mark = value
"""


def chained_modules(length: int, count: int) -> Files:
    """Return a chain of functions each of which calls the next one, which another module has."""
    head = "import threading\n\nfrom app import app\nfrom part0 import f0\n\n\n"
    files = {**REQUIREMENTS, "app.py": APP, "views.py": head + view("one", starting("f0"))}
    for module in range(count):
        parts = ["from flask import request\n\nimport part" + str((module + 1) % count)]
        for number in range(module, length, count):
            is_last = number == length - 1
            step = f"part{(module + 1) % count}.f{number + 1}()"
            parts.append(function(f"f{number}", "print(request.args)" if is_last else step))
        files[f"part{module}.py"] = "\n\n\n".join(parts)
    return files


def generated(seed: int) -> Files:
    """Return a project of several modules whose functions call each other at random."""
    random = Random(seed)
    modules = random.randint(2, 4)
    each = random.randint(3, 6)
    names = [f"work{m}_{i}" for m in range(modules) for i in range(each)]
    folder = f"site{seed}"
    context = random.choice(("", "app.app_context().push()", "print(app.name)"))
    files = {**REQUIREMENTS, f"{folder}/__init__.py": ""}
    files[f"{folder}/base.py"] = _BASE.format(context=context)
    for module in range(modules):
        imports = "\n".join(
            f"from {folder}.part{m} import {', '.join(n for n in names if f'work{m}_' in n)}"
            for m in range(modules)
            if m != module
        )
        head = _MODULE.format(
            number=seed,
            module=module,
            imports=imports,
            some=random.choice(names),
            other=random.choice(names),
        )
        parts = [_work(random, f"work{module}_{i}", names) for i in range(each)]
        parts.append(_worker(random, module, names))
        if module == 0 and seed % 10 == 0:  # a long chain that ends in one of the functions
            ends = f"def link199(x=None):\n    return {random.choice(names)}(x)\n"
            links = [f"def link{i}(x=None):\n    return link{i + 1}(x)\n" for i in range(199)]
            parts += [*links, ends]
        random.shuffle(parts)
        parts += [_view(random, module, i, names, each) for i in range(random.randint(2, 4))]
        if module == 0 and seed % 10 == 0:
            start = "    threading.Thread(target=link0).start()\n    return ''\n"
            parts.append(f'@bp.get("/linked")\ndef linked():\n{start}')
        files[f"{folder}/part{module}.py"] = "\n\n".join([head, *parts])
    return files


def _work(random: Random, name: str, names: Sequence[str]) -> str:
    module = name.removeprefix("work").partition("_")[0]
    steps = [_step(random, module, random.choice(names)) for _ in range(random.randint(0, 2))]
    if random.random() < 0.4:
        steps.append(random.choice(_USES))
    random.shuffle(steps)
    return function(name, *steps, "return x", parameters="x=None")


def _step(random: Random, module: str, name: str) -> str:
    step = random.choice(_STEPS)
    return step.format(name=name, call=f"{name}(x)", module=module, number=random.randrange(3))


def _worker(random: Random, module: int, names: Sequence[str]) -> str:
    methods = [function(f"run{i}", _call(random, i, names), parameters="self") for i in range(3)]
    init = function("__init__", "self.x = x", parameters="self, x")
    return f"class Worker{module}:\n" + indent("\n".join([init, *methods]), "    ")


def _call(random: Random, number: int, names: Sequence[str]) -> str:
    others = [f"self.run{i}()" for i in range(3) if i != number]
    return random.choice([f"{random.choice(names)}(self.x)", *others, random.choice(_USES[:6])])


def _view(random: Random, module: int, number: int, names: Sequence[str], each: int) -> str:
    steps: list[str] = []
    for _ in range(random.randint(1, 3)):
        step = random.choice(_VIEW_STEPS)
        own = step.format(name=random.choice(names), module=module, number=random.randrange(3))
        steps.append(own)
        if own.startswith("return"):
            break
    if not steps[-1].startswith("return"):
        steps.append("return ''")
    return f'@bp.get("/{module}/{number}")\n' + function(f"view{module}_{number}", *steps)


def graph(
    edges: Sequence[tuple[int, int]], reading: Sequence[int], started: Sequence[int]
) -> Files:
    """Return functions in three modules that call each other along `edges`.

    Those of `reading` read the request; a view each starts a thread for those of `started`.
    """
    count = 1 + max((*(n for edge in edges for n in edge), *reading, *started), default=0)
    files = {**REQUIREMENTS, "app.py": APP}
    for module in range(3):
        functions = []
        for number in range(module, count, 3):
            calls = [_called(module, b) for a, b in edges if a == number]
            reads = ["print(request.args)"] if number in reading else []
            functions.append(function(f"f{number}", *calls, *reads, "return 1"))
        others = "".join(f"import part{other}\n" for other in range(3) if other != module)
        imports = f"from flask import request\n\n{others}\n\n"
        files[f"part{module}.py"] = imports + "\n\n".join(functions)
    head = "import threading\n\nimport part0\nimport part1\nimport part2\nfrom app import app\n\n\n"
    views = [view(f"view{n}", starting(f"part{n % 3}.f{n}")) for n in started]
    return {**files, "views.py": head + "\n\n".join(views)}


def _called(module: int, number: int) -> str:
    return f"f{number}()" if number % 3 == module else f"part{number % 3}.f{number}()"


def reading_starts(
    edges: Sequence[tuple[int, int]], reading: Sequence[int], started: Sequence[int]
) -> list[int]:
    """Return the positions in `started` of functions from which one that reads can be reached."""

    def reaches(number: int) -> bool:
        seen = {number}
        while True:
            more = {b for a, b in edges if a in seen} - seen
            if not more:
                return bool(seen & {*reading})
            seen |= more

    return [place for place, number in enumerate(started) if reaches(number)]


def way(kind: str, length: int, *, is_circle: bool = False, is_backwards: bool = False) -> Files:
    """Return a program in which what a family asks is known only after `length` steps.

    In a circle the last step may also come back to the first one.
    """
    head, step, last, back, statements = _WAYS[kind]
    steps = [function(f"step{i}", *_each(step, i), parameters="x=None") for i in range(length - 1)]
    end = _each(back if is_circle else last, 0)
    steps.append(function(f"step{length - 1}", *end, parameters="x=None"))
    if is_backwards:
        steps.reverse()
    files = in_one_file([*head, *steps], [view("one", *_each(statements, length - 1))])
    imported = "import itertools\nimport threading\n\nfrom flask import Flask, Response, request"
    old = "import threading\n\nfrom flask import Flask, request"
    return {**files, "app.py": files["app.py"].replace(old, imported)}


def way_through_modules(kind: str, length: int, *, is_circle: bool = False) -> Files:
    """Return the same program with all steps but the last one by turns in three modules."""
    files = way(kind, length, is_circle=is_circle)
    head, *rest = re.split(r"^(?=def step\d+\(|@app\.route)", files["app.py"], flags=re.MULTILINE)
    texts = {f"part{number}": "import itertools\n\nimport app\n" for number in range(3)}
    texts = {name: _imported(texts[name], name, texts) for name in texts}
    texts["app"] = _imported(head, "app", texts)
    for part in rest:
        step = re.match(r"def step(\d+)", part)
        home = _home(int(step[1]), length) if step else "app"
        texts[home] += f"\n\n{part}"
    for home, text in texts.items():
        files[f"{home}.py"] = re.sub(
            r"(?<!def )step(\d+)",
            lambda match, own=home: _named(own, int(match[1]), length),
            text,
        )
    return files


def _imported(text: str, name: str, names: Iterable[str]) -> str:
    return "".join(f"import {each}\n" for each in names if each != name) + text


def _home(number: int, length: int) -> str:
    return "app" if number == length - 1 else f"part{number % 3}"


def _named(module: str, number: int, length: int) -> str:
    home = _home(number, length)
    return f"step{number}" if home == module else f"{home}.step{number}"


def names_in_a_row(kind: str, length: int) -> Files:
    """Return a program in which a variable gets the value of one after the other."""
    first, statements = _NAMED[kind]
    names = [f"name0 = {first}", *(f"name{i + 1} = name{i}" for i in range(length))]
    body = [each.format(f"name{length}") for each in statements]
    files = in_one_file([_STATE, _WORK], [view("one", *names, *body)])
    imported = "from flask import Flask, current_app, request"
    return {
        **files,
        "app.py": files["app.py"].replace("from flask import Flask, request", imported),
    }


_STATE = "class State:\n    is_ready = False\n\n\nSTATE = State()\n"
# By kind: the first value, and what a view does with the last name.
_NAMED: dict[str, tuple[str, tuple[str, ...]]] = {
    "state": (
        "STATE",
        (
            "if not {0}.is_ready:",
            "    {0}.is_ready = True",
            "    threading.Thread(target=work).start()",
        ),
    ),
    "proxy": ("current_app", ("threading.Thread(target=print, args=({0},)).start()",)),
    "file": (
        "request.files['f']",
        ("threading.Thread(target=print, args=({0},)).start()",),
    ),
}


def importing_modules(length: int, *, is_served: bool) -> Files:
    """Return a module that pushes a context, and those that it imports and that import it in a row.

    The last one that it imports needs the context; the first one that imports it has views if it is
    served.
    """
    pushing = f"{APP}app.app_context().push()\nimport needing0\n"
    needing = "from flask import current_app\n\nprint(current_app.name)\n"
    files = {**REQUIREMENTS, "part0.py": pushing, f"needing{length}.py": needing}
    for number in range(length):
        files[f"needing{number}.py"] = f"import needing{number + 1}\n"
        files[f"user{number}.py"] = f"import user{number + 1}\n"
    files[f"user{length}.py"] = "import part0\n"
    files["user0.py"] += APP + (view("one") if is_served else "")
    return files


def _each(statements: Sequence[str], number: int) -> list[str]:
    return [each.format(number, number + 1) for each in statements]


_CALLING = ("return step{1}(x)",)
_SLOT = (
    "current = None\n",
    "def load():\n    global current\n    current = request.headers['User']\n",
)
_ROWS = "def rows():\n    yield request.path\n"
_THREAD = "threading.Thread(target=step0).start()"
# By kind: what else there is, each step, the last one, that of a circle, and what a view does.
_WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "read behind a write": (
        _SLOT,
        _CALLING,
        ("return current",),
        ("if x:", "    step0()", "return current"),
        ("load()", "print(step0())"),
    ),
    "writing": (
        _SLOT,
        _CALLING,
        ("load()",),
        ("if x:", "    step0()", "else:", "    load()"),
        ("step0()", "print(current)"),
    ),
    "quiet": (
        (),
        _CALLING,
        ("return app.config['X']",),
        ("return step0() if x else app.config['X']",),
        ("with app.app_context():", "    step0()"),
    ),
    "not quiet": (
        ("from flask import g\n",),
        _CALLING,
        ("return g.user",),
        ("return step0() if x else g.user",),
        ("with app.app_context():", "    step0()"),
    ),
    "late": (
        (_ROWS,),
        _CALLING,
        ("return rows()",),
        ("return step0(x) if x else rows()",),
        ("return Response(step0())",),
    ),
    "late in parts": (
        (_ROWS,),
        ("return itertools.chain(step{1}(x), [])",),
        ("return rows()",),
        ("return step0(x) if x else rows()",),
        ("return Response(step0())",),
    ),
    "read at once": (
        (_ROWS,),
        _CALLING,
        ("return x.get_data()",),
        ("if x is None:", "    step0(x)", "return x.get_data()"),
        ("answer = Response(rows())", "step0(answer)", "return answer"),
    ),
    "endless": (
        (),
        _CALLING,
        ("while True:", "    print(request.args)"),
        ("if x:", "    step0()", "while True:", "    print(request.args)"),
        (_THREAD,),
    ),
    "unwrapping": (
        (),
        _CALLING,
        ("print(x._get_current_object())",),
        ("if x is None:", "    step0(x)", "print(x._get_current_object())"),
        ("threading.Thread(target=step0, args=(request,)).start()",),
    ),
    "started once": (
        (_WORK,),
        _CALLING,
        ("threading.Thread(target=work).start()",),
        ("if x:", "    step0()", "threading.Thread(target=work).start()"),
        ("if app.config.get('READY') is None:", "    app.config['READY'] = True", "    step0()"),
    ),
    "ready hook": (
        ("@app.before_first_request\ndef prepare():\n    step0()\n",),
        _CALLING,
        ("print('ready')",),
        ("if x:", "    step0()", "print('ready')"),
        (),
    ),
    "hook": (
        ("@app.before_first_request\ndef prepare():\n    step0()\n",),
        _CALLING,
        ("print(request.args)",),
        ("if x:", "    step0()", "print(request.args)"),
        (),
    ),
}
WAYS = tuple(_WAYS)
