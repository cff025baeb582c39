from threading import Thread

from flask import Flask, session

app = Flask(__name__)


@app.post("/orders")
def order():
    Thread(target=send_mail).start()
    return "Thank you. You will get a mail."


def send_mail():
    print("To " + session["email"] + ": we have received your order.")
