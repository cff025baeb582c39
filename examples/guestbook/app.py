"""A guest book: ``python app.py`` has two guests sign it, and reads it."""

from flask import Flask, request, _request_ctx_stack
from flask_notes import Notes
from werkzeug.local import LocalProxy

app = Flask(__name__)
notes = Notes(app)

guest = LocalProxy(lambda: getattr(_request_ctx_stack.top, "guest", None))


@app.before_request
def recognise_guest():
    _request_ctx_stack.top.guest = request.args.get("guest", "somebody")


@app.post("/")
def sign():
    notes.connection.execute("CREATE TABLE IF NOT EXISTS note (guest)")
    notes.connection.execute("INSERT INTO note VALUES (?)", [str(guest)])
    notes.connection.commit()
    return f"Thank you, {guest}."


@app.get("/")
def read():
    rows = notes.connection.execute("SELECT guest FROM note ORDER BY rowid")
    return f"{guest} reads: " + ", ".join(name for name, in rows)


if __name__ == "__main__":
    client = app.test_client()
    print(client.post("/?guest=Ada").text)
    print(client.post("/?guest=Grace").text)
    print(client.get("/?guest=Alan").text)
