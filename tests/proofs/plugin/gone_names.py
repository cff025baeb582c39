"""A pytest plugin for the proofs: puts back what went for reasons other than contexts."""

import contextlib
import importlib
import inspect
import json
import re
import sys
import types
import urllib.parse

import flask
import flask.json
import pytest
import werkzeug.routing
import werkzeug.urls


def parse_rule(rule):
    """Yield converter, arguments and variable; who asks for them here wants the last."""
    for variable in re.findall(r"<([^>]+)>", rule):
        yield None, None, variable.rpartition(":")[2]


def url_encode(query, sort=False):
    return urllib.parse.urlencode(sorted(query.items()) if sort else list(query.items()))


def init_with_static_path(self, *args, init=flask.Flask.__init__, **options):
    if "static_path" in options:
        options["static_url_path"] = options.pop("static_path")
    init(self, *args, **options)


def add_module(name, **attributes):
    module = types.ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module
    return module


inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]
werkzeug.routing.parse_rule = parse_rule
werkzeug.urls.url_decode = lambda query: dict(urllib.parse.parse_qsl(query))
werkzeug.urls.url_encode = url_encode
flask.json.JSONEncoder = json.JSONEncoder
flask.Flask.json_encoder = json.JSONEncoder
flask.Flask.__init__ = init_with_static_path
flask.Flask.try_trigger_before_first_request_functions = lambda self: None
add_module("nose")
add_module("nose.tools", assert_raises=pytest.raises)
add_module("flask._compat", text_type=str)
add_module("flask.ext")
with contextlib.suppress(ImportError):
    sys.modules["flask.ext.script"] = importlib.import_module("flask_script")
