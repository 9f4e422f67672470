"""Lets Telnyx's official package judge: who is believed, what the API is asked, what its answers mean to us."""

import base64
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
from urllib.parse import urlencode

import telnyx
from nacl.signing import SigningKey
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature
from telnyx.types.texml.call_create_response import CallCreateResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PATIENCE = 30.0
PUBLIC = "https://voice.example.com"
KEY = SigningKey(bytes(range(32)))
SHOWN = base64.b64encode(KEY.verify_key.encode()).decode()
CALL = "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg"
APPLICATION = "1293384261075731499"


def check(what, good, detail=""):
    print(f"  {'ok' if good else 'FAILED'}  {what}", flush=True)
    if not good:
        raise SystemExit(f"{what}: {detail}")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Api(ThreadingHTTPServer):
    """A REST API that keeps what it was asked, and answers in the package's own model."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self, many):
        end = time.monotonic() + PATIENCE
        while len(self.asked) < many and time.monotonic() < end:
            time.sleep(0.05)
        return self.asked[many - 1]


class Asked(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, self.headers["authorization"], json.loads(body)))
        queued = {"call_sid": CALL, "from": "+14155550199", "to": "+919820000000", "status": "queued"}
        CallCreateResponse.model_validate(queued)
        answer = json.dumps(queued).encode()
        self.send_response(200)
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
[telnyx]
enabled = true
api_url = "http://127.0.0.1:{api.server_address[1]}"
application = "{APPLICATION}"
lost_socket = "500ms"
[outbound]
enabled = true
allow = ["+91"]
from = "+14155550199"
"""
        (folder / "config.toml").write_text(settings)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TELNYX_", "TWILIO_", "SWITCHBOARD"))}
        secrets = {"TELNYX_PUBLIC_KEY": SHOWN, "TELNYX_API_KEY": "KEY", "TWILIO_AUTH_TOKEN": "test_auth_token_0123456789abcdef"}
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

    def ask(self, target, body, headers, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.public, timeout=PATIENCE)
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


def signed(body, at=None, key=KEY):
    """The headers, of which the official package says whether they are good."""
    stamp = str(int(at if at is not None else time.time()))
    signature = base64.b64encode(key.sign(f"{stamp}|{body}".encode()).signature).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}
    try:
        verify_webhook_signature(body, headers, SHOWN)
        good = True
    except WebhookVerificationError:
        good = False
    return headers | {"content-type": "application/x-www-form-urlencoded"}, good


def form(**more):
    fields = {"AccountSid": "a", "CallSid": CALL, "From": "+15550100001", "To": "+15550100002", "CallStatus": "ringing", "CallerId": ""}
    return urlencode(fields | more)


def believed(service):
    body, now = form(), time.time()
    for what, headers in [
        ("a good signature", signed(body)),
        ("one of four minutes ago", signed(body, now - 240)),
        ("one of six minutes ago", signed(body, now - 360)),
        ("one of six minutes ahead", signed(body, now + 360)),
        ("another key's", signed(body, key=SigningKey(bytes(32)))),
        ("another form's", (signed(form(From="1"))[0], False)),
    ]:
        status, text = service.ask("/telnyx/answer", body, headers[0])
        check(f"{what} is {'good' if headers[1] else 'refused'}, as the package says", status == (200 if headers[1] else 403), (status, text))
    return service.ask("/telnyx/answer", body, signed(body)[0])[1]


def streamed(service, document):
    root = ElementTree.fromstring(document)
    stream = root.find("Connect/Stream")
    modes = (stream.get("bidirectionalMode"), stream.get("bidirectionalCodec"))
    check("the document asks for PCMU both ways", modes == ("rtp", "PCMU"), document)
    check("a verb after the stream leads on", root.find("Redirect").text == f"{PUBLIC}/telnyx/after-stream", document)
    local = stream.get("url").replace("wss://voice.example.com", f"ws://127.0.0.1:{service.public}")
    try:
        connect(local.split("?")[0]).close()
        check("a socket without a token is refused", False)
    except InvalidStatus as refused:
        check("a socket without a token is refused", refused.response.status_code == 403)
    with connect(local) as socket_:
        start = {"user_id": "u", "call_control_id": CALL, "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}}
        socket_.send(json.dumps({"event": "connected", "version": "1.0.0"}))
        socket_.send(json.dumps({"event": "start", "sequence_number": "1", "stream_id": "S1", "start": start}))
        heard, end = 0, time.monotonic() + PATIENCE
        while heard < 8000 and time.monotonic() < end:
            message = json.loads(socket_.recv(timeout=PATIENCE))
            if message["event"] == "media":
                payload = base64.b64decode(message["media"]["payload"])
                assert len(payload) % 160 == 0, "whole pieces of 20 ms"
                heard += len(payload)
            elif message["event"] == "mark":
                socket_.send(json.dumps({"event": "mark", "stream_id": "S1", "mark": message["mark"]}))
        check("a second of the greeting, in whole pieces", heard >= 8000)


def asked(service, api):
    """What the package itself sends for the same commands is what we send."""
    path, secret, body = api.wait(1)
    client = telnyx.Telnyx(api_key="KEY", base_url=f"http://127.0.0.1:{api.server_address[1]}/v2")
    client.calls.actions.hangup(CALL, command_id=body["command_id"])
    check("a lost stream's call is hung up as the package does it", api.wait(2) == (path, secret, body), api.asked)
    order = json.dumps({"to": "+919820000000", "agent": "default"})
    status, text = service.ask("/calls", order, {"content-type": "application/json"}, service.admin)
    check("a call is placed", status == 202, (status, text))
    path, secret, body = api.wait(3)
    known = {"To": "to", "From": "from_", "Url": "url", "Method": "method"}
    others = {name: value for name, value in body.items() if name not in known}
    client.texml.calls.create(APPLICATION, **{known[name]: body[name] for name in known}, extra_body=others)
    check("it is placed as the package does it", api.wait(4) == (path, secret, body), api.asked[2:])


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        api = Api()
        service = Service(binary, Path(folder), api)
        try:
            streamed(service, believed(service))
            asked(service, api)
        finally:
            service.process.terminate()
            service.process.wait(PATIENCE)
    print("telnyx_sdk: signatures and requests agree with the official package")


if __name__ == "__main__":
    main()
