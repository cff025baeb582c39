import ast
import codecs
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_ctxfix.source import SourceError, decode, read

ENCODINGS = {
    "utf-8": st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    "utf-8-sig": st.sampled_from("a#'\t\u2028\xe9\ufeff\U0001f600"),
    "latin-1": st.characters(min_codepoint=1, max_codepoint=0xFF),
    "cp1252": st.sampled_from("a#'\t\xe9\u20ac"),
    "koi8-r": st.sampled_from("a#'\t\u0436\u2500"),
    "shift_jis": st.sampled_from("a#'\t\u8868\u30bd"),
    "gbk": st.sampled_from("a#'\t\u4e2d"),
}
NEWLINES = ("\n", "\r\n", "\r", "")


@st.composite
def files(draw):
    """Draw a file that CPython can decode: its bytes, its text, its encoding."""
    encoding = draw(st.sampled_from((None, *ENCODINGS)))
    codec = "utf-8" if encoding in (None, "utf-8-sig") else encoding
    lines = draw(st.lists(st.text(ENCODINGS[encoding or "utf-8"], max_size=12), max_size=6))
    text = "".join(line + draw(st.sampled_from(NEWLINES)) for line in lines)
    if encoding is not None:
        above = draw(st.sampled_from(("", "#!/usr/bin/python\n", "\r\n", " # a comment\r", "\f\n")))
        cookie = draw(
            st.sampled_from(("# coding: {}", "#-*- coding={} -*-", " # vim:fileencoding={}"))
        )
        text = above + cookie.format(encoding) + draw(st.sampled_from(NEWLINES[:3])) + text
    elif text.startswith("\ufeff"):
        text = "#" + text
    mark = codecs.BOM_UTF8 if codec == "utf-8" and draw(st.booleans()) else b""
    return mark + text.encode(codec), text


@given(files())
def test_text_and_bytes_are_each_other(file):
    data, text = file
    # A drawn line can be a cookie itself, or a character that the codec does not give back.
    try:
        source = decode("app.py", data)
    except SourceError as error:
        assert "declare" in error.cause or "encoding" in error.cause
        return
    assert source.text == text
    assert source.encode(text) == data
    assert source.byte_order_mark == data.startswith(codecs.BOM_UTF8)


@given(st.binary(max_size=60) | st.binary(max_size=30).map(b"# coding: latin-1\n".__add__))
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"# coding: utf-7\n+AGE-")
def test_any_bytes_come_back_or_are_refused(data):
    try:
        source = decode("app.py", data)
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert source.encode(source.text) == data


@pytest.mark.parametrize(
    "data",
    [
        b"x = 1",
        b"# coding: latin-1\nx = '\xe9'",
        b"#!/bin/python\n# -*- coding: latin-1 -*-\nx = '\xe9'",
        b"#!/bin/python\r# coding: latin-1\rx = '\xe9'",
        b"#!/bin/python\r\n# coding: latin-1\r\nx = '\xe9'",
        b"\n# caf\xe9 coding: latin-1\nx = '\xe9'",
        b"# caf\xe9\n# coding: latin-1\nx = '\xe9'",
        b"\x0c# coding: latin_1-unix\nx = '\xe9'",
        b"# coding: UTF_8\nx = '\xc3\xa9'",
        b"# coding: utf-8-mac\nx = '\xc3\xa9'",
        b"#coding:utf-8 coding:latin-1\nx = '\xc3\xa9'",
        b"# coding: cp1252\nx = '\x80'",
        b"# vim: set fileencoding=shift_jis :\nx = '\x83\x5c'",
        b"\xef\xbb\xbf# coding: utf-8\nx = '\xc3\xa9'",
        b"x = 1\n# coding: latin-1\ny = '\xc3\xa9'",
        b"\n\n# coding: latin-1\ny = '\xc3\xa9'",
    ],
)
def test_the_text_is_what_cpython_reads(data):
    source = decode("app.py", data)
    assert ast.dump(ast.parse(source.text)) == ast.dump(ast.parse(data))
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    ("data", "line", "cause"),
    [
        (
            b"a = 1\nb = '\xe9'\n",
            2,
            "cannot decode: byte 0xe9 is not valid UTF-8, and it declares no encoding",
        ),
        (
            b"a\r\nb\rc = '\xff'",
            3,
            "cannot decode: byte 0xff is not valid UTF-8, and it declares no encoding",
        ),
        (
            b"\n\n# coding: latin-1\n\xe9",
            4,
            "cannot decode: byte 0xe9 is not valid UTF-8, and it declares no encoding",
        ),
        (b"# coding: cp1252\n\n'\x81'", 3, "cannot decode: byte 0x81 is not valid cp1252"),
        (b"# coding: utf8\n'\xe9'", 2, "cannot decode: byte 0xe9 is not valid utf8"),
        (b"a\n\nb\0", 3, "cannot read: it contains a NUL byte, as binary and UTF-16 files do"),
        (b"# coding: klingon\n", 1, 'cannot decode: "klingon" is not an encoding of Python source'),
        (b"# coding: rot13\n", 1, 'cannot decode: "rot13" is not an encoding of Python source'),
        (
            b"# coding: undefined\n",
            1,
            'cannot decode: "undefined" is not an encoding of Python source',
        ),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            1,
            "cannot decode: it declares latin-1, but starts with a UTF-8 byte order mark",
        ),
    ],
)
def test_what_cpython_refuses_is_refused_with_line_and_cause(data, line, cause):
    with pytest.raises((SyntaxError, ValueError)):
        compile(data, "app.py", "exec")
    with pytest.raises(SourceError) as caught:
        decode("app.py", data)
    assert (caught.value.path, caught.value.line, caught.value.cause) == ("app.py", line, cause)


@pytest.mark.parametrize(
    "body",
    [
        b"# coding: utf-7\n+AGE-",
        b"# coding: iso-2022-jp\n'\x1b$B$\"\x1b(B\x1b$B$\"\x1b(B'",
        b"# coding: unicode_escape\n'\\x61'",
    ],
)
def test_what_would_not_give_the_same_bytes_back_is_refused(body):
    with pytest.raises(
        SourceError,
        match=r"^app\.py:1: cannot use: as .*, it could not be written back unchanged$",
    ):
        decode("app.py", body)


@pytest.mark.parametrize("encoding", ["idna", "punycode", "utf-16-le", "utf-32", "cp037", "hex"])
def test_what_does_not_hold_ascii_is_no_encoding_of_source(encoding):
    with pytest.raises(
        SourceError,
        match=rf'^app\.py:1: cannot decode: "{encoding}" is not an encoding of Python source$',
    ):
        decode("app.py", f"# coding: {encoding}\n".encode())


def test_a_character_that_the_encoding_lacks_is_refused_with_its_line():
    source = decode("app.py", b"# coding: latin-1\nx = 1\n")
    with pytest.raises(SourceError) as caught:
        source.encode("# coding: latin-1\nx = '\u20ac'\n")
    assert str(caught.value) == "app.py:2: cannot encode: iso8859-1 has no character '\\u20ac'"


def test_a_lone_surrogate_is_refused():
    with pytest.raises(SourceError, match=r"app\.py:2: cannot encode: utf-8 has no character"):
        decode("app.py", b"").encode("\n\udc80")


def test_read_takes_the_bytes_of_the_file(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2")
    source = read(str(path))
    assert (source.path, source.text) == (str(path), "x = 1\r\ny = 2")
    assert (source.encoding, source.byte_order_mark) == ("utf-8", True)
