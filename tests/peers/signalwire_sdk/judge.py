"""Lets SignalWire's official package judge: who is believed, and what the answers say."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from signalwire.core.security.webhook_middleware import validate
from twilio.twiml.voice_response import Connect, Stream, VoiceResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PATIENCE = 30.0
PUBLIC = "https://voice.example.com"
KEY = "PSKtest1234567890abcdef"
PROJECT = "b3877c40-da60-4998-90ad-b792e98472af"
CALL = "11111111-2222-4333-8444-000000000001"
FORM = "application/x-www-form-urlencoded"


def check(what, good, detail=""):
    print(f"  {'ok' if good else 'FAILED'}  {what}", flush=True)
    if not good:
        raise SystemExit(f"{what}: {detail}")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Api(ThreadingHTTPServer):
    """A space that keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Asked(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.asked.append((self.path, self.headers["authorization"], dict(parse_qsl(body))))
        answer = json.dumps({"sid": CALL, "status": "queued"}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Service:
    """The built service, behind an address that it does not have."""

    def __init__(self, binary, folder, api):
        self.public, self.admin = free_port(), free_port()
        settings = f"""
[server]
bind = "127.0.0.1:{self.public}"
public_url = "{PUBLIC}"
# The callee of the call that is placed here never answers.
drain_timeout = "1s"
[admin]
bind = "127.0.0.1:{self.admin}"
[records]
dir = "{folder}/calls"
[spend]
file = ""
[signalwire]
enabled = true
api_url = "http://127.0.0.1:{api.server_address[1]}"
[outbound]
enabled = true
allow = ["+91"]
from = "+14155550199"
"""
        (folder / "config.toml").write_text(settings)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SIGNALWIRE_", "TWILIO_", "SWITCHBOARD"))}
        secrets = {
            "SIGNALWIRE_SIGNING_KEY": f"another, {KEY}",
            "SIGNALWIRE_PROJECT_ID": PROJECT,
            "SIGNALWIRE_API_TOKEN": "PTtoken",
            "TWILIO_AUTH_TOKEN": "test_auth_token_0123456789abcdef",
        }
        environment = kept | secrets | {"SWITCHBOARD__REALTIME__REHEARSAL_IN_PUBLIC": "true"}
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

    def ask(self, method, target, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.public, timeout=PATIENCE)
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


def base64_sha1(url, pairs, key=KEY):
    text = url + "".join(name + value for name, value in sorted(pairs, key=lambda pair: pair[0]))
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()


def hexed(url, body, algorithm, key=KEY):
    return hmac.new(key.encode(), (url + body).encode(), algorithm).hexdigest()


def fields():
    call = {"CallSid": CALL, "AccountSid": PROJECT, "From": "+919820000000", "To": "+14155550199", "CallStatus": "ringing"}
    return list((call | {"Direction": "inbound", "ApiVersion": "2010-04-01", "CallerName": ""}).items())


def believed(service):
    """Every request is judged by the package's own middleware too: the two agree."""
    url, pairs = PUBLIC + "/signalwire/answer", fields()
    body = urlencode(pairs)
    twice = pairs + [("B", "2"), ("B", "1"), ("B", "2")]
    other = urlencode(pairs + [("X", "1")])
    compat = lambda url=url, pairs=pairs, key=KEY: {"x-signalwire-signature": base64_sha1(url, pairs, key)}
    first = None
    for what, target, body, headers in [
        ("a form", "", body, compat()),
        ("the older header", "", body, {"x-twilio-signature": base64_sha1(url, pairs)}),
        ("a URL with its port", "", body, compat("https://voice.example.com:443/signalwire/answer")),
        ("a query beside the form", "?agent=default&language=hi", body, compat(url + "?agent=default&language=hi")),
        ("pairs that are there twice", "", urlencode(twice), compat(pairs=twice)),
        ("SHA-1 over the raw body", "", body, {"x-signalwire-signature": hexed(url, body, "sha1")}),
        ("SHA-256 over the raw body", "", body, {"x-signalwire-sha256-signature": hexed(url, body, "sha256")}),
        ("a bad SHA-256 beside a good form", "", body, compat() | {"x-signalwire-sha256-signature": "0" * 64}),
        ("no signature", "", body, {}),
        ("an empty one", "", body, {"x-signalwire-signature": ""}),
        ("another key", "", body, compat(key="x")),
        ("another form", "", other, compat()),
        ("another form's raw body", "", other, {"x-signalwire-sha256-signature": hexed(url, body, "sha256")}),
        ("another path", "", body, compat(PUBLIC + "/signalwire/status")),
        ("SHA-1 where SHA-256 is due", "", body, {"x-signalwire-sha256-signature": hexed(url, body, "sha1")}),
        ("upper case", "", body, {"x-signalwire-signature": hexed(url, body, "sha1").upper()}),
    ]:
        good = validate("POST", url + target, headers, body, signing_key=KEY) is None
        status, text = service.ask("POST", "/signalwire/answer" + target, body, headers | {"content-type": FORM})
        check(f"{what} is {'good' if good else 'refused'}, as the package says", status == (200 if good else 403), (status, text))
        if good:
            first = first or text
            check("  the same call, the same answer", text == first, text)
    query = "?" + urlencode(pairs)
    status, text = service.ask("GET", "/signalwire/answer" + query, headers=compat(url + query, []))
    check("a GET is accepted", (status, text) == (200, first), (status, text))
    foreign = [(name, "other" if name == "AccountSid" else value) for name, value in pairs]
    status, _ = service.ask("POST", "/signalwire/answer", urlencode(foreign), compat(pairs=foreign) | {"content-type": FORM})
    check("another project with the same key is refused", status == 403, status)
    return first


def tree(text):
    def shape(element):
        return element.tag, dict(element.attrib), (element.text or "").strip(), [shape(child) for child in element]

    return shape(ElementTree.fromstring(text))


def built(document):
    """The document is what the builder makes of the same parts; the package takes Twilio's."""
    stream = ElementTree.fromstring(document).find("Connect/Stream")
    token = stream.get("authBearerToken")
    noun = Stream(
        url="wss://voice.example.com/signalwire/ws",
        name=stream.get("name"),
        codec="PCMU@8000h",
        authBearerToken=token,
        status_callback=f"{PUBLIC}/signalwire/stream-status",
        status_callback_method="POST",
    )
    noun.parameter(name="token", value=token)
    connect_ = Connect()
    connect_.append(noun)
    response = VoiceResponse()
    response.append(connect_)
    response.redirect(f"{PUBLIC}/signalwire/after-stream", method="POST")
    check("the answer is the builder's", tree(document) == tree(str(response)), document)
    return token


def streamed(service, token):
    local = f"ws://127.0.0.1:{service.public}/signalwire/ws"
    for headers in [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}]:
        try:
            connect(local, additional_headers=headers).close()
            check(f"a socket with {headers} is refused", False)
        except InvalidStatus as refused:
            check(f"a socket with {headers} is refused", refused.response.status_code == 403)
    with connect(local, additional_headers={"Authorization": f"Bearer {token}"}) as socket_:
        media = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"accountSid": PROJECT, "streamSid": "S1", "callSid": CALL, "tracks": ["inbound"], "mediaFormat": media}
        socket_.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        socket_.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "S1", "start": start}))
        heard, end = 0, time.monotonic() + PATIENCE
        while heard < 8000 and time.monotonic() < end:
            message = json.loads(socket_.recv(timeout=PATIENCE))
            if message["event"] == "media":
                heard += len(base64.b64decode(message["media"]["payload"]))
            elif message["event"] == "mark":
                socket_.send(json.dumps({"event": "mark", "sequenceNumber": "2", "streamSid": "S1", "mark": message["mark"]}))
        check("a second of the greeting is heard", heard >= 8000)
        socket_.send(json.dumps({"event": "stop", "sequenceNumber": "3", "streamSid": "S1", "stop": {"callSid": CALL}}))


def placed(service, api):
    order = json.dumps({"to": "+919820000001", "agent": "default"})
    status, text = service.ask("POST", "/calls", order, {"content-type": "application/json"}, service.admin)
    check("a call is placed", status == 202, (status, text))
    path, secret, form = api.asked[-1]
    check("at the space's path", path == f"/api/laml/2010-04-01/Accounts/{PROJECT}/Calls.json", path)
    check("with its credentials", secret == "Basic " + base64.b64encode(f"{PROJECT}:PTtoken".encode()).decode())
    check("to the callee", (form["To"], form["From"]) == ("+919820000001", "+14155550199"), form)
    check("with our document", form["Url"].startswith(f"{PUBLIC}/signalwire/answer?outbound="), form)


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        api = Api()
        service = Service(binary, Path(folder), api)
        try:
            streamed(service, built(believed(service)))
            placed(service, api)
        finally:
            service.process.terminate()
            service.process.wait(PATIENCE)
    print("signalwire_sdk: signatures and documents agree with the official package")


if __name__ == "__main__":
    main()
