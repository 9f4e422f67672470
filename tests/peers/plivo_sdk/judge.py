"""Lets the official packages of Plivo and Vobiz sign, build and read: who is believed, what the answers say, what a stream hears."""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import urlencode

from plivo import plivoxml
from plivo.utils import signature_v3 as plivo_v3
from plivo_stream.types import CheckpointEvent, PlayAudioEvent
from vobiz.utils import signature_v3 as vobiz_v3
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PATIENCE = 30.0
PUBLIC = "https://voice.example.com"
TOKEN = "test_auth_token_0123456789abcdef"
CALL = "11111111-2222-3333-4444-%012d"
LIBRARIES = {"plivo": plivo_v3, "vobiz": vobiz_v3}
# The number of the call over each.
NUMBERS = {"plivo": 1, "vobiz": 2}


def check(what, good, detail=""):
    print(f"  {'ok' if good else 'FAILED'}  {what}", flush=True)
    if not good:
        raise SystemExit(f"{what}: {detail}")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Service:
    """The built service, behind an address that it does not have."""

    def __init__(self, binary, folder):
        self.public, self.nonces = free_port(), 0
        settings = f"""
[server]
bind = "127.0.0.1:{self.public}"
public_url = "{PUBLIC}"
[admin]
bind = "127.0.0.1:{free_port()}"
[records]
dir = "{folder}/calls"
[spend]
file = ""
[plivo]
enabled = true
[vobiz]
enabled = true
"""
        (folder / "config.toml").write_text(settings)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLIVO_", "VOBIZ_", "TWILIO_", "SWITCHBOARD"))}
        names = ["PLIVO_AUTH_TOKEN", "VOBIZ_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"]
        environment = kept | {name: TOKEN for name in names} | {"SWITCHBOARD__REALTIME__REHEARSAL_IN_PUBLIC": "true"}
        self.log = folder / "serve.log"
        command = [binary, "serve", "--config", str(folder / "config.toml")]
        self.process = subprocess.Popen(command, env=environment, stdout=self.log.open("ab"), stderr=subprocess.STDOUT, cwd=folder)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.public), 1).close()
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise SystemExit(self.log.read_text())
                time.sleep(0.05)

    def nonce(self):
        self.nonces += 1
        return f"{self.nonces:020d}"

    def signed(self, carrier, method, target, fields, nonce, token=TOKEN):
        """The headers, by the carrier's own library."""
        library = LIBRARIES[carrier]
        build = library.construct_get_url if method == "GET" else library.construct_post_url
        text = build(PUBLIC + target, dict(fields) if method == "POST" else {}).decode()
        signature = library.get_signature_v3(token.encode(), text, nonce).decode()
        given = (method, PUBLIC + target, nonce, TOKEN, signature, dict(fields) if method == "POST" else None)
        good = library.validate_v3_signature(*given)
        assert good == (token == TOKEN), "the library agrees with itself"
        name = carrier.capitalize()
        return {f"X-{name}-Signature-V3": signature, f"X-{name}-Signature-V3-Nonce": nonce}

    def ask(self, method, target, fields=(), headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.public, timeout=PATIENCE)
        body = urlencode(fields) if method == "POST" else None
        kind = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, target, body, kind | (headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


def fields_of(number):
    call = {"CallUUID": CALL % number, "From": "919820000000", "To": "918031234567", "CallStatus": "ringing"}
    return call | {"Direction": "inbound", "Event": "StartApp", "CallerName": "", "X-PH-Note": "a b&c=+"}


def tree(text):
    def shape(element):
        return element.tag, dict(element.attrib), (element.text or "").strip(), [shape(child) for child in element]

    return shape(ElementTree.fromstring(text))


def believed(service, carrier):
    answer, fields = f"/{carrier}/answer", fields_of(NUMBERS[carrier])
    nonce = service.nonce()
    headers = service.signed(carrier, "POST", answer, fields, nonce)
    status, first = service.ask("POST", answer, fields, headers)
    check(f"{carrier}: a form is accepted", status == 200, (status, first))
    check(f"{carrier}: the same request again is not", service.ask("POST", answer, fields, headers)[0] == 403)
    headers = service.signed(carrier, "POST", answer, fields, service.nonce())
    check(f"{carrier}: the question again gets the same answer", service.ask("POST", answer, fields, headers) == (200, first))
    for target in [f"{answer}?language=hi&agent=default", f"{answer}?a=%20b&a=a"]:
        headers = service.signed(carrier, "POST", target, fields, service.nonce())
        check(f"{carrier}: {target} beside a form", service.ask("POST", target, fields, headers) == (200, first))
    target = answer + "?" + urlencode(fields)
    headers = service.signed(carrier, "GET", target, {}, service.nonce())
    check(f"{carrier}: a GET is accepted", service.ask("GET", target, headers=headers) == (200, first))
    headers = service.signed(carrier, "POST", answer, fields, service.nonce(), "another token")
    check(f"{carrier}: another account's signature is refused", service.ask("POST", answer, fields, headers)[0] == 403)
    headers = service.signed(carrier, "POST", f"/{carrier}/status", fields, service.nonce())
    check(f"{carrier}: another path's signature is refused", service.ask("POST", answer, fields, headers)[0] == 403)
    headers = service.signed(carrier, "POST", answer, fields, service.nonce())
    changed = fields | {"From": "1"}
    check(f"{carrier}: another form is refused", service.ask("POST", answer, changed, headers)[0] == 403)
    return first


def built(carrier, document):
    """The document is what the official builder makes of the same parts."""
    root = ElementTree.fromstring(document)
    stream = root.find("Stream").text
    response = plivoxml.ResponseElement()
    response.add(
        plivoxml.StreamElement(
            stream,
            bidirectional=True,
            keepCallAlive=True,
            contentType="audio/x-mulaw;rate=8000",
            statusCallbackUrl=f"{PUBLIC}/{carrier}/stream-status",
            statusCallbackMethod="POST",
        )
    )
    response.add_redirect(f"{PUBLIC}/{carrier}/after-stream", method="POST")
    check(f"{carrier}: the answer is the builder's", tree(document) == tree(response.to_string()), document)
    return stream


def streamed(service, carrier, stream):
    """A call's own stream: every message of ours is one of the package's models."""
    local = stream.replace("wss://voice.example.com", f"ws://127.0.0.1:{service.public}")
    try:
        connect(local.split("?")[0]).close()
        check(f"{carrier}: a socket without a token is refused", False)
    except InvalidStatus as refused:
        check(f"{carrier}: a socket without a token is refused", refused.response.status_code == 403)
    with connect(local, subprotocols=["other.v1", "audio.drachtio.org"]) as socket_:
        check(f"{carrier}: the subprotocol is taken", socket_.subprotocol == "audio.drachtio.org", socket_.subprotocol)
        media = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
        start = {"callId": CALL % NUMBERS[carrier], "streamId": "S1", "accountId": "MA1", "tracks": ["inbound"], "mediaFormat": media}
        socket_.send(json.dumps({"sequenceNumber": 0, "event": "start", "start": start, "extra_headers": "{}"}))
        heard, marks, end = 0, 0, time.monotonic() + PATIENCE
        while (heard < 8000 or marks < 2) and time.monotonic() < end:
            message = json.loads(socket_.recv(timeout=PATIENCE))
            if message["event"] == "playAudio":
                PlayAudioEvent(**message)
                heard += len(base64.b64decode(message["media"]["payload"]))
            else:
                CheckpointEvent(**message)
                marks += 1
                played = {"event": "playedStream", "sequenceNumber": marks, "streamId": "S1", "name": message["name"]}
                socket_.send(json.dumps(played))
        check(f"{carrier}: a second of the greeting, in the package's own messages", heard >= 8000 and marks >= 2)
        socket_.send(json.dumps({"event": "stop", "sequenceNumber": 9, "streamId": "S1"}))


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        service = Service(binary, Path(folder))
        try:
            for carrier in LIBRARIES:
                print(carrier)
                streamed(service, carrier, built(carrier, believed(service, carrier)))
        finally:
            service.process.terminate()
            service.process.wait(PATIENCE)
    print("plivo_sdk: signatures, documents and messages agree with the official packages")


if __name__ == "__main__":
    main()
