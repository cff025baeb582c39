"""Two printers print the labels, each in a thread."""

import time
from concurrent.futures import ThreadPoolExecutor

import ledger
from flask import request, session

printers = ThreadPoolExecutor(2)


def order(size):
    queue(f"{size} label")


def queue(label):
    printers.submit(print_out, label)


def print_out(label):
    time.sleep(0.01)
    ledger.enter(session["customer"], f"{label} for {request.args['parcel']}")
