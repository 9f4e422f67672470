"""Starts the service, calls it, and lets the official Standard Webhooks library judge what its receivers get.

Several receivers at once: one that works, one that knows only the secret that is being replaced, one that fails in several ways
first, and one that is down until the service has been killed and started again.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

PATIENCE = 30.0
KINDS = ["call.ended", "call.started", "transcript.ready"]


def secret(number):
    return "whsec_" + base64.b64encode(bytes([number]) * 32).decode()


OLD, NEW, OTHER = secret(1), secret(2), secret(3)


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A connection that the killed service left is no error."""


class Receiver:
    """Keeps what it got and whether the library believed it; answers as its manners say, then 200."""

    def __init__(self, name, secret, manners=(), port=0):
        self.name, self.secret, self.manners = name, secret, list(manners)
        self.got, self.refused, self.lock = [], [], threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.take(body, dict(self.headers))
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "1")
                if status == 307:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body, headers):
        try:
            event = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            with self.lock:
                self.refused.append(str(error))
            return 401
        with self.lock:
            status = self.manners.pop(0) if self.manners else 200
            self.got.append((event, headers, status))
        return status

    def accepted(self):
        with self.lock:
            return [(event, headers) for event, headers, status in self.got if status == 200]

    def until(self, number):
        end = time.monotonic() + PATIENCE
        while len(self.accepted()) < number:
            if time.monotonic() > end:
                raise SystemExit(f"{self.name}: {number} should be accepted, got {self.got}, refused {self.refused}")
            time.sleep(0.02)
        return self.accepted()


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def endpoint(name, port, variable):
    return f"""
[[webhooks.endpoints]]
name = "{name}"
url = "http://127.0.0.1:{port}/hook"
secret_env = "{variable}"
allow_private = ["127.0.0.1"]
"""


class Service:
    def __init__(self, binary, folder, endpoints):
        self.binary, self.folder = binary, folder
        self.public, admin = free_port(), free_port()
        (folder / "config.toml").write_text(
            f"""
[server]
bind = "127.0.0.1:{self.public}"
[admin]
bind = "127.0.0.1:{admin}"
[records]
dir = "{folder}/calls"
[webhooks.retry]
initial = "200ms"
max = "1s"
{endpoints}"""
        )
        self.process = None

    def start(self):
        variables = {"OLD_SECRET": OLD, "BOTH_SECRETS": f"{NEW},{OLD}", "OTHER_SECRET": OTHER}
        log = open(self.folder / "serve.log", "ab")
        command = [self.binary, "serve", "--config", str(self.folder / "config.toml")]
        self.process = subprocess.Popen(
            command, env={**os.environ, **variables, "RUST_BACKTRACE": "0"}, stdout=log, stderr=log, cwd=self.folder
        )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.public), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise SystemExit((self.folder / "serve.log").read_text())
                time.sleep(0.05)

    def call(self):
        url = f"http://127.0.0.1:{self.public}/twilio/voice"
        command = [self.binary, "call", "--url", url, "--hangup-after", "2s", "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def stop(self, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(PATIENCE)


def check(what, good, detail=""):
    print(f"  {'ok' if good else 'FAILED'}  {what}")
    if not good:
        raise SystemExit(f"{what}: {detail}")


def kinds(accepted):
    return sorted(event["type"] for event, _ in accepted)


def main():
    binary = sys.argv[1]
    works = Receiver("works", NEW)
    behind = Receiver("behind", OLD)
    fails = Receiver("fails", OTHER, [500, 404, 307, 429, 503])
    down = free_port()
    with tempfile.TemporaryDirectory() as name:
        endpoints = (
            endpoint("works", works.port, "BOTH_SECRETS")
            + endpoint("behind", behind.port, "BOTH_SECRETS")
            + endpoint("fails", fails.port, "OTHER_SECRET")
            + endpoint("down", down, "OLD_SECRET")
        )
        service = Service(binary, Path(name), endpoints)
        service.start()
        service.call()

        accepted = works.until(3)
        check("every event is delivered and verified by the official library", kinds(accepted) == KINDS, accepted)
        same = all(event["id"] == {k.lower(): v for k, v in headers.items()}["webhook-id"] for event, headers in accepted)
        check("the id in the body is the id in the header", same)
        ready = next(event for event, _ in accepted if event["type"] == "transcript.ready")
        check("the record is whole", ready["data"]["record"]["ending"]["reason"] == "caller_hung_up", ready)
        check("a receiver behind in a rotation verifies the old secret", kinds(behind.until(3)) == KINDS)
        check("a receiver that fails gets everything in the end", kinds(fails.until(3)) == KINDS)
        tries = {}
        for event, headers, status in fails.got:
            tries.setdefault(event["id"], []).append(status)
        check("under one id for each event", len(tries) == 3 and sum(map(len, tries.values())) == 8, tries)

        # What was answered in the very moment of the kill may come again, under its id; that moment is let pass.
        time.sleep(1)
        service.stop(kill=True)
        late = Receiver("late", OLD, port=down)
        service.start()
        check("a receiver that was down gets everything after kill -9", kinds(late.until(3)) == KINDS)
        check("with the ids that others got", {e["id"] for e, _ in late.accepted()} == {e["id"] for e, _ in accepted})
        time.sleep(2)
        check("and nobody gets anything twice", all(len(r.accepted()) == 3 for r in (works, behind, fails, late)))
        refused = works.refused + behind.refused + fails.refused + late.refused
        check("no signature was refused", not refused, refused)
        service.stop()
        queue = json.loads(next(Path(name).glob("calls/call_*_queue.json")).read_text())
        check("the queue file says completed", queue["status"] == "completed", queue)

        forged = Webhook(OTHER)
        body, headers = json.dumps(ready), dict(accepted[0][1])
        try:
            forged.verify(body, headers)
        except WebhookVerificationError:
            check("the library refuses another secret, so it judges at all", True)
        else:
            check("the library refuses another secret, so it judges at all", False)


main()
