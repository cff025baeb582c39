"""Small projects, each of which asks what a name stands for."""

from __future__ import annotations

from tests.names.python_names import Layout

F = "def f(): ..."
VIEWS = ("pkg/views.py",)
ASK_WORK = "from . import work\nasked = work.f"

EXACT = {
    # Packages, and the modules in them.
    "init imports its modules": Layout(
        {"pkg/__init__.py": "from . import views, work", "pkg/work.py": F,
         "pkg/views.py": ASK_WORK}, VIEWS, entries=["pkg"]),
    "init imports its modules by its name": Layout(
        {"pkg/__init__.py": "from pkg import views, work", "pkg/work.py": F,
         "pkg/views.py": "from pkg import work\nasked = work.f"}, VIEWS, entries=["pkg"]),
    "init imports a module as itself": Layout(
        {"pkg/__init__.py": "import pkg.work as work\nfrom . import views", "pkg/work.py": F,
         "pkg/views.py": ASK_WORK}, VIEWS, entries=["pkg"]),
    "init has nothing": Layout(
        {"pkg/__init__.py": "", "pkg/work.py": F, "pkg/views.py": ASK_WORK}, VIEWS,
        entries=["pkg.views"]),
    "init imports names of its modules": Layout(
        {"pkg/__init__.py": "from .work import f\nfrom . import views", "pkg/work.py": F,
         "pkg/views.py": ASK_WORK}, VIEWS, entries=["pkg"]),
    "init imports its modules at its end": Layout(
        {"pkg/__init__.py": "class App: ...\nfrom . import views", "pkg/views.py":
         "from pkg import App\nasked = App"}, VIEWS, entries=["pkg"]),
    "factory imports modules": Layout(
        {"pkg/__init__.py": "def create_app():\n    from . import views, work\n    return work",
         "pkg/work.py": F, "pkg/views.py": ASK_WORK, "main.py":
         "import pkg\npkg.create_app()\nasked = pkg.work.f"}, ("main.py", "pkg/views.py")),
    "factory of a module of its own": Layout(
        {"pkg/__init__.py": "from .app import create_app", "pkg/app.py":
         "def create_app():\n    from .auth.views import bp\n    return bp",
         "pkg/auth/__init__.py": "", "pkg/auth/views.py": "class bp: ...",
         "main.py": "from pkg import create_app\ncreate_app()\nimport pkg.auth.views\n"
                    "asked = pkg.auth.views.bp"}),
    "function imports late": Layout(
        {"pkg/__init__.py": "from . import views\ndef make(): ...", "pkg/views.py":
         "def asked():\n    from pkg import make\n    return make"}, VIEWS, entries=["pkg"]),
    "blueprints in packages": Layout(
        {"app/__init__.py":
         "def create():\n    from .api import bp\n    from .admin import bp as b",
         "app/api/__init__.py": "class bp: ...\nfrom . import routes", "app/api/routes.py":
         "from . import bp\nasked = bp", "app/admin/__init__.py": "from .routes import bp",
         "app/admin/routes.py": "from app.api import bp as other\nclass bp: ...\nasked = other",
         "main.py": "import app\napp.create()\nasked = app.admin.bp"},
        ("main.py", "app/api/routes.py", "app/admin/routes.py")),
    "blueprint from a package two up": Layout(
        {"app/__init__.py": "", "app/models.py": "class User: ...", "app/api/__init__.py": "",
         "app/api/v1/__init__.py": "", "app/api/v1/users.py":
         "from ...models import User\nasked = User"},
        ("app/api/v1/users.py",), entries=["app.api.v1.users"]),
    "modules two and three up": Layout(
        {"a/__init__.py": "", "a/m.py": F, "a/b/__init__.py": "", "a/b/m.py": F,
         "a/b/c/__init__.py": "", "a/b/c/x.py": "from .. import m\nasked = m",
         "a/b/c/y.py": "from ... import m\nasked = m.f"}, ("a/b/c/x.py", "a/b/c/y.py"),
        entries=["a.b.c.x", "a.b.c.y"]),
    "main of a package": Layout(
        {"pkg/__init__.py": "", "pkg/work.py": F, "pkg/__main__.py": ASK_WORK},
        ("pkg/__main__.py",), entries=["pkg.__main__"]),
    "package beside a module of its name": Layout(
        {"models/__init__.py": F, "models.py": "def f(): ...\ndef g(): ...",
         "main.py": "from models import f\nasked = f"}),
    "package beside a module of its name, relative": Layout(
        {"pkg/__init__.py": "", "pkg/models/__init__.py": F, "pkg/models.py": F,
         "pkg/views.py": "from .models import f\nasked = f"}, VIEWS, entries=["pkg.views"]),
    "module beside a folder of its name": Layout(
        {"models.py": F, "models/other.py": F, "main.py": "from models import f\nasked = f"}),
    "extension package": Layout(
        {"flask_thing/__init__.py": "from .core import Thing\nfrom .utils import *\n"
         "__all__ = ['Thing', 'helper']", "flask_thing/core.py": "class Thing: ...",
         "flask_thing/utils.py": "def helper(): ...\ndef _no(): ...",
         "app/__init__.py": "from .extensions import thing\nfrom . import views",
         "app/extensions.py": "from flask_thing import Thing\nthing = Thing",
         "app/views.py": "from flask_thing import helper\nfrom .extensions import thing\n"
         "asked = helper", "main.py":
         "from app.extensions import thing\nasked = thing\nimport app"},
        ("main.py", "app/views.py")),
    # Folders without a file, and the folders that imports start from.
    "namespace package": Layout(
        {"ns/one/a.py": F, "ns/two/b.py": "from ns.one import a\nasked = a.f",
         "main.py": "import ns.two.b\nasked = ns.two.b"}, ("main.py", "ns/two/b.py")),
    "namespace package, relative": Layout(
        {"ns/a.py": F, "ns/b.py": "from . import a\nasked = a.f"}, ("ns/b.py",), entries=["ns.b"]),
    "namespace package, re-exported": Layout(
        {"ns/pkg/__init__.py": "from . import a", "ns/pkg/a.py": F,
         "main.py": "from ns.pkg import a as it\nasked = it"}),
    "namespace package as a name": Layout(
        {"ns/a.py": F, "main.py": "import ns.a\nimport ns\nm = ns\nasked = m.a.f"}),
    "src": Layout(
        {"src/pkg/__init__.py": "", "src/pkg/a.py": F, "src/pkg/b.py":
         "from pkg.a import f\nasked = f", "tests/test_b.py": "from pkg import b\nasked = b.f"},
        ("src/pkg/b.py", "tests/test_b.py"), ("src", "tests"), ["test_b"]),
    "src with a namespace": Layout(
        {"src/ns/pkg/__init__.py": "", "src/ns/pkg/a.py": F, "src/ns/pkg/b.py":
         "from ns.pkg.a import f\nasked = f"}, ("src/ns/pkg/b.py",), ("src",), ["ns.pkg.b"]),
    "script in its folder": Layout(
        {"tools/run.py": "import helper\nasked = helper.f", "tools/helper.py": F, "helper.py": F},
        ("tools/run.py",), ("tools",), ["run"]),
    "script beside a src": Layout(
        {"models.py": F, "src/models.py": F, "main.py": "import models\nasked = models.f"}),
    "package in the tests": Layout(
        {"app/__init__.py": F, "tests/app/__init__.py": F,
         "tests/test_app.py": "import app\nasked = app.f"},
        ("tests/test_app.py",), ("tests", "."), ["test_app"]),
    "tests that are a package": Layout(
        {"app/__init__.py": F, "tests/__init__.py": "", "tests/app/__init__.py": F,
         "tests/test_app.py": "import app\nfrom . import app as other\nasked = app.f"},
        ("tests/test_app.py",), (".",), ["tests.test_app"]),
    "one of several applications": Layout(
        {"one/app.py": "import models\nasked = models.f", "one/models.py": F,
         "two/app.py": "import models\nasked = models.f", "two/models.py": F},
        ("two/app.py",), ("two",), ["app"]),
    "package of several applications": Layout(
        {"one/app/__init__.py": F, "one/run.py": "from app import f\nasked = f",
         "two/app/__init__.py": "from .core import f", "two/app/core.py": F,
         "two/run.py": "from app import f\nasked = f"}, ("two/run.py",), ("two",), ["run"]),
    "same name in two packages": Layout(
        {"a/__init__.py": "", "a/views.py": "from .models import f\nasked = f", "a/models.py": F,
         "b/__init__.py": "", "b/views.py": "from .models import f\nasked = f", "b/models.py": F,
         "main.py": "import a.views, b.views\nasked = b.views.f"},
        ("main.py", "a/views.py", "b/views.py")),
    "a module of the name of a builtin one": Layout(
        {"pkg/__init__.py": "", "pkg/types.py": F, "pkg/views.py":
         "import types\nasked = types"}, VIEWS, entries=["pkg.views"]),
    # Ways to import.
    "import a.b": Layout(
        {"a/__init__.py": "", "a/b.py": F, "main.py": "import a.b\nasked = a.b.f"}),
    "import a.b.c": Layout(
        {"a/__init__.py": "", "a/b/__init__.py": "", "a/b/c.py": F,
         "main.py": "import a.b.c\nasked = a.b.c"}),
    "import a.b as c": Layout(
        {"a/__init__.py": "", "a/b.py": F, "main.py": "import a.b as c\nasked = c.f"}),
    "import a.b as c of a name that was rebound": Layout(
        {"a/__init__.py": "from .b import b", "a/b.py": "class b:\n    def f(): ...",
         "main.py": "import a.b as c\nasked = c"}),
    "from . import x as y": Layout(
        {"pkg/__init__.py": "from . import work as w", "pkg/work.py": F,
         "main.py": "from pkg import w\nasked = w.f"}),
    "from a.b import c": Layout(
        {"a/__init__.py": "", "a/b/__init__.py": "", "a/b/c.py": F,
         "main.py": "from a.b import c as x\nasked = x.f"}),
    "module aliased": Layout({"a.py": F, "main.py": "import a\nb = a\nc = b\nasked = c.f"}),
    "aliases of types": Layout(
        {"a.py": "from flask import Flask\nApp = Flask\nclass Own: ...\nModel = Own",
         "main.py": "from a import App, Model\nasked = Model"}),
    "alias of a class of Flask": Layout(
        {"a.py": "import flask\nApp = flask.Flask", "main.py": "from a import App\nasked = App"}),
    "flask itself re-exported": Layout(
        {"a.py": "import flask as web", "b.py": "from a import web", "main.py":
         "from b import web\nasked = web.g"}),
    "re-exported": Layout(
        {"a.py": F, "b.py": "from a import f as g", "c.py": "from b import g as h",
         "main.py": "from c import h\nasked = h"}),
    "re-exported by a package": Layout(
        {"pkg/__init__.py": "from .sub import f", "pkg/sub/__init__.py": "from .deep import f",
         "pkg/sub/deep.py": F, "main.py": "import pkg\nasked = pkg.f"}),
    "module re-exported": Layout(
        {"pkg/__init__.py": "from .sub import deep", "pkg/sub/__init__.py": "",
         "pkg/sub/deep.py": F, "main.py": "from pkg import deep\nasked = deep.f"}),
    "module as an attribute of a module": Layout(
        {"a.py": F, "b.py": "import a", "main.py": "import b\nasked = b.a.f"}),
    # Star imports.
    "star": Layout({"a.py": F, "main.py": "from a import *\nasked = f"}),
    "star of a star": Layout(
        {"a.py": F, "b.py": "from a import *", "main.py": "from b import *\nasked = f"}),
    "star of Flask": Layout(
        {"a.py": "from flask import *", "main.py": "from a import *\nasked = g"}),
    "star of what has __all__": Layout(
        {"a.py": "__all__ = ['f', '_g']\ndef f(): ...\ndef _g(): ...\ndef len(): ...",
         "main.py": "from a import *\nasked = _g", "b.py": "from a import *\nasked = len"},
        ("main.py", "b.py"), entries=["main", "b"]),
    "star of what adds to __all__": Layout(
        {"a.py": "__all__ = ['f']\n__all__ += ['_g']\n__all__.extend(('_h',))\n"
         "def f(): ...\ndef _g(): ...\ndef _h(): ...", "main.py": "from a import *\nasked = _h"}),
    "star lists a module": Layout(
        {"pkg/__init__.py": "__all__ = ['work']", "pkg/work.py": F,
         "main.py": "from pkg import *\nasked = work.f"}),
    "star of a module that imports its neighbour": Layout(
        {"pkg/__init__.py": "from .fields import *", "pkg/widgets.py": F, "pkg/fields.py":
         "from . import widgets\n__all__ = ['Field']\nclass Field: ...",
         "main.py": "from pkg import widgets\nasked = widgets.f"}),
    "star does not take private names": Layout(
        {"a.py": "def _f(): ...\ndef f(): ...", "b.py": "def _f(): ...",
         "main.py": "from b import _f\nfrom a import *\nasked = _f"}),
    "star and a name of its own": Layout(
        {"a.py": "def f(): ...", "main.py": "from a import *\ndef f(): ...\nasked = f"}),
    "star, read before the name is bound": Layout(
        {"a.py": F, "main.py": "from a import *\nasked = f\ndef f(): ..."}),
    "star over a star": Layout(
        {"a.py": F, "b.py": F, "c.py": "from a import *\nfrom b import *",
         "main.py": "from c import f\nasked = f"}),
    "star of a package with __all__ of another": Layout(
        {"pkg/__init__.py": "from .a import *\nfrom .b import *", "pkg/a.py":
         "__all__ = ['f']\ndef f(): ...\ndef g(): ...", "pkg/b.py": "def g(): ...",
         "main.py": "from pkg import g\nasked = g"}),
    "star in a circle": Layout(
        {"a.py": "def f(): ...\nfrom b import *", "b.py": "from a import *\ndef g(): ...",
         "main.py": "from a import g\nasked = g"}),
    # Circles.
    "circle": Layout(
        {"a.py": "def f(): ...\nimport b", "b.py": "from a import f\nasked = f"}, ("b.py",),
        entries=["a"]),
    "circle through modules": Layout(
        {"a.py": "import b\ndef f(): ...", "b.py": "import a\ndef asked():\n    return a.b.a.f"},
        ("b.py",), entries=["a"]),
    "circle in a package": Layout(
        {"pkg/__init__.py": "from .a import f\nfrom .b import g", "pkg/a.py":
         "def f(): ...\nfrom .b import g", "pkg/b.py": "def g(): ...\nfrom .a import f\nasked = f"},
        ("pkg/b.py",), entries=["pkg"]),
    "circle that one enters anywhere": Layout(
        {"a.py": "try:\n    from b import x\nexcept ImportError:\n    x = None",
         "b.py": "from a import x\nasked = x"}, ("b.py",), entries=["b"]),
    "module while it is imported": Layout(
        {"pkg/__init__.py": "from .work import work", "pkg/work.py":
         "from . import views\ndef work(): ...", "pkg/views.py":
         "from . import work\nasked = work"}, VIEWS, entries=["pkg"]),
    "module before its name is rebound": Layout(
        {"pkg/__init__.py": "from . import views\nfrom .work import work", "pkg/work.py":
         "def work(): ...", "pkg/views.py": "from . import work\nasked = work",
         "main.py": "from pkg import work\nasked = work"}, ("main.py", "pkg/views.py")),
    # Names that are bound again.
    "init rebinds the name of a module": Layout(
        {"pkg/__init__.py": "from .work import work\nfrom . import views", "pkg/work.py":
         "def work(): ...", "pkg/views.py": "from . import work\nasked = work",
         "main.py": "from pkg import work\nasked = work"}, ("main.py", "pkg/views.py")),
    "init binds the name of a module that nobody imports": Layout(
        {"pkg/__init__.py": "from .impl import work", "pkg/impl.py": "def work(): ...",
         "pkg/work.py": F, "main.py": "from pkg import work\nasked = work"}),
    "init defines the name of a module": Layout(
        {"pkg/__init__.py": "from . import work as module\ndef work(): ...", "pkg/work.py": F,
         "main.py": "import pkg\nasked = pkg.work"}),
    "name rebound after import": Layout(
        {"a.py": "from b import f\ndef f(): ...", "b.py": F,
         "main.py": "from a import f\nasked = f"}),
    "import over a definition": Layout(
        {"a.py": "f = None\nfrom b import f", "b.py": F, "main.py": "import a\nasked = a.f"}),
    "name deleted": Layout(
        {"pkg/__init__.py": "from .impl import work\ndel work", "pkg/impl.py": "def work(): ...",
         "pkg/work.py": F, "main.py": "from pkg import work\nasked = work.f"}),
    "name deleted, then bound": Layout(
        {"a.py": "def f(): ...\ndel f\nfrom b import f", "b.py": F,
         "main.py": "from a import f\nasked = f"}),
    "builtin": Layout({"a.py": F, "main.py": "from a import *\nasked = len"}),
    "builtin before it is bound": Layout({"main.py": "asked = len\nlen = None"}),
    "builtin as its own name": Layout(
        {"a.py": "abs = abs", "main.py": "from a import abs\nasked = abs"}),
    "class attribute of a global name": Layout(
        {"a.py": F, "main.py": "from a import f\nclass A:\n    f = f\nasked = A.f"}),
    # Bound under conditions.
    "only for type checkers": Layout(
        {"a.py": "def f(): ...", "b.py": "def f(): ...", "c.py":
         "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import f\nelse:\n"
         "    from b import f", "main.py": "from c import f\nasked = f"}),
    "only for type checkers, in the module": Layout(
        {"a.py": "def f(): ...", "b.py": "def f(): ...", "main.py":
         "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import f\nelse:\n"
         "    from b import f\nasked = f"}),
    "condition that both branches agree on": Layout(
        {"a.py": F, "b.py": "import sys\nif sys.argv:\n    from a import f\nelse:\n"
         "    from a import f", "main.py": "from b import f\nasked = f"}),
    "condition before a definition": Layout(
        {"a.py": "import sys\nif sys.argv:\n    f = None\ndef f(): ...",
         "main.py": "from a import f\nasked = f"}),
    "annotation that binds nothing": Layout(
        {"a.py": "f: object\ndef f(): ...\nf: object", "main.py": "from a import f\nasked = f"}),
    "class attribute read through modules": Layout(
        {"pkg/__init__.py": "from . import a, views", "pkg/a.py":
         "class Box:\n    def item(): ...", "pkg/views.py": "from . import a\nasked = a.Box.item"},
        VIEWS, entries=["pkg"]),
}  # fmt: skip

NOT_WRONG = {
    "try and except": Layout(
        {"a.py": F, "b.py": F, "c.py": "try:\n    from a import f\nexcept ImportError:\n"
         "    from b import f", "main.py": "from c import f\nasked = f"}),
    "module that is not there": Layout(
        {"b.py": F, "c.py": "try:\n    from missing import f\nexcept ImportError:\n"
         "    from b import f", "main.py": "from c import f\nasked = f"}),
    "if and else": Layout(
        {"a.py": F, "b.py": F, "c.py": "import sys\nif not sys.argv:\n    from a import f\nelse:\n"
         "    from b import f", "main.py": "from c import f\nasked = f"}),
    "conditional definition": Layout(
        {"c.py": "import sys\nfrom flask import g as f\nif sys.argv:\n    def f(): ...",
         "main.py": "from c import f\nasked = f"}),
    "bound by a loop": Layout(
        {"a.py": F, "b.py": "from a import f as g\nfrom flask import g as f\nfor f in [g]: ...",
         "main.py": "from b import f\nasked = f"}),
    "bound by a with": Layout(
        {"a.py": F, "b.py": "import a\nclass Manager:\n"
         "    def __enter__(self):\n        return a.f\n    def __exit__(self, *args): ...\n"
         "from flask import g as f\nwith Manager() as f: ...",
         "main.py": "from b import f\nasked = f"}),
    "bound by an except": Layout(
        {"b.py": "from flask import g as e\ntry:\n    1 / 0\nexcept Exception as e: ...\n"
         "from flask import session as e", "main.py": "from b import e\nasked = e"}),
    "bound by := and match": Layout(
        {"a.py": F, "b.py": "import a\nfrom flask import g as x, g as y\nif (x := a.f): ...\n"
         "match a.f:\n    case y: ...", "main.py": "import b\nasked = b.x",
         "other.py": "import b\nasked = b.y"}, ("main.py", "other.py"), entries=["main", "other"]),
    "bound by a function": Layout(
        {"a.py": F, "b.py": "from flask import g as f\ndef put():\n    global f\n"
         "    from a import f", "main.py": "import b\nb.put()\nasked = b.f"}),
    "bound in several ways": Layout(
        {"a.py": F, "main.py": "from flask import g as f\nasked = f\nfrom a import f"}),
    "read between": Layout(
        {"a.py": "def f(): ...\nimport b\nfrom flask import g as f",
         "b.py": "from a import f\nasked = f"}, ("b.py",), entries=["a"]),
    "module that may have been imported": Layout(
        {"pkg/__init__.py": "def work(): ...\nfrom . import views", "pkg/work.py": F,
         "pkg/views.py": "import pkg.work", "main.py": "from pkg import work\nasked = work"}),
    "module imported by another later": Layout(
        {"pkg/__init__.py": "def work(): ...", "pkg/work.py": F, "pkg/views.py": "import pkg.work",
         "main.py": "import pkg.views\nfrom pkg import work\nasked = work"}),
    "star of what lists its names elsewhere": Layout(
        {"a.py": "from b import names\n__all__ = names()\ndef _f(): ...", "b.py":
         "def names():\n    return ['_f']", "c.py": "def _f(): ...",
         "main.py": "from c import _f\nfrom a import *\nasked = _f"}),
    "star of a circle": Layout(
        {"a.py": "from b import *\ndef len(): ...", "b.py": "from a import *\nasked = len"},
        ("b.py",), entries=["a"]),
    "star over a builtin name that is not yet there": Layout(
        {"a.py": "import b\ndef f(): ...", "c.py": F, "b.py":
         "from c import *\nfrom a import *\nasked = f"}, ("b.py",), entries=["a"]),
    "attribute given by another module": Layout(
        {"a.py": "def f(): ...", "b.py": "import a", "main.py":
         "import a, b\ndef other(): ...\na.g = other\nasked = a.g"}),
    "__getattr__ of a module": Layout(
        {"a.py": F, "b.py": "import a\ndef __getattr__(name):\n    return a.f",
         "main.py": "from b import thing\nasked = thing"}),
    "builtin that is bound in some cases": Layout(
        {"main.py": "import sys\nif not sys.argv:\n    from flask import g as len\nasked = len"}),
    "builtin after a deletion": Layout(
        {"main.py": "from flask import g as len\ndel len\nasked = len"}),
    "module of a package as a name in it": Layout(
        {"pkg/__init__.py": "from .filter import f\nasked = filter", "pkg/filter.py": F},
        ("pkg/__init__.py",), entries=["pkg"]),
    "name that goes by its own attribute": Layout(
        {"x/__init__.py": "", "x/b.py": "from . import c as b", "x/c.py": F,
         "main.py": "import x.b, x.c\na = x\na = a.b\nasked = a.b"}),
}  # fmt: skip
