"""A parcel service: ``python app.py`` has two customers hand in a parcel each.

Threads make the receipts, labels and mails, so that no customer waits for them.
"""

import sys
import time
from threading import Thread

import labels
import ledger
from flask import Flask, current_app, request, session

app = Flask(__name__)
app.config.update(SECRET_KEY="parcels", SENDER="parcels@example.com")


@app.post("/login/<customer>")
def log_in(customer):
    session["customer"] = customer
    return f"Welcome, {customer}."


@app.post("/receipts")
def make_receipt():
    def write():
        time.sleep(0.01)  # handwriting
        ledger.enter(session["customer"], f"receipt for {request.args['parcel']}")

    Thread(target=write).start()
    return "We are writing your receipt.", 202


@app.post("/labels")
def make_label():
    labels.order("large" if "large" in request.args else "small")
    return "We are printing your label.", 202


@app.post("/mails")
def make_mail():
    Thread(target=send, args=(session["customer"], request.args["parcel"])).start()
    return "You get mail.", 202


def send(customer, parcel):
    ledger.enter(customer, f"mail about {parcel} from {current_app.config['SENDER']}")


if __name__ == "__main__":
    ledger.LEDGER.unlink(missing_ok=True)
    for customer in ("Ada", "Grace"):
        client = app.test_client()
        client.post(f"/login/{customer}")
        for what in ("receipts", "labels", "mails"):
            client.post(f"/{what}?parcel=book")
    time.sleep(0.5)
    entries = sorted(ledger.entries())
    for entry in entries:
        print(entry)
    sys.exit(f"{6 - len(entries)} of 6 entries are lost" if len(entries) < 6 else 0)
