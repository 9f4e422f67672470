"""A carrier that signs with the official SDK: webhooks, upgrades, streams, and the service they are for."""

import base64
import http.client
import json
import math
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATIENCE = 30.0
OLD, NEW = "test_auth_token_0123456789abcdef", "fedcba9876543210_test_auth_token"
SHARED_KEY, SHARED = "webhooks_sharedkey_01", "shared_secret_0123456789abcdef"
ACCOUNT = "AC" + "2".rjust(32, "0")
PUBLIC = "https://voice.example.com"
STREAM = "wss://voice.example.com/ws"
FORM = "application/x-www-form-urlencoded"


def sid(prefix, number):
    return prefix + f"{number:032x}"


def sign(url, pairs=None, token=OLD, algorithm=None):
    """As Twilio signs: by the official SDK. Repeated names come as a list of pairs."""

    class Pairs(dict):
        def getall(self, name):
            return [value for key, value in pairs if key == name]

    return RequestValidator(token).compute_signature(url, Pairs(pairs) if pairs else {}, algorithm)


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Api:
    """The carrier's REST API: begins calls, and is out of order for the rest."""

    def __init__(self):
        self.asked, api = [], self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode(), keep_blank_values=True)
                api.asked.append((self.path, form))
                begins = self.path.endswith("/Calls.json")
                body = json.dumps({"sid": sid("CA", 0xA1)} if begins else {"code": 20503, "status": 503}).encode()
                self.send_response(201 if begins else 503)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def until_begun(self):
        """The form of the first call that was begun."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for path, form in self.asked:
                if path.endswith("/Calls.json"):
                    return form
            time.sleep(0.02)
        raise SystemExit(f"no call was begun: {self.asked}")


class Service:
    """The built service, behind an address that it does not have."""

    def __init__(self, binary, folder, settings="", variables=None):
        self.binary, self.folder = binary, folder
        folder.mkdir()
        self.public, self.admin = free_port(), free_port()
        self.variables = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": f"{NEW},{OLD}"}
        self.variables |= {"TWILIO_SHARED_KEYS": f"{SHARED_KEY}={SHARED}"}
        if variables is not None:
            self.variables = variables
        (folder / "config.toml").write_text(
            f"""
[server]
bind = "127.0.0.1:{self.public}"
public_url = "{PUBLIC}"
max_calls = 40
drain_timeout = "1s"
[admin]
bind = "127.0.0.1:{self.admin}"
[records]
dir = "{folder}/calls"
[spend]
file = ""
{settings}"""
        )

    def spawn(self):
        log = open(self.folder / "serve.log", "ab")
        command = [self.binary, "serve", "--config", str(self.folder / "config.toml")]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TWILIO_", "SWITCHBOARD"))}
        environment = {**inherited, **self.variables, "RUST_BACKTRACE": "0"}
        environment["SWITCHBOARD__REALTIME__REHEARSAL_IN_PUBLIC"] = "true"
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)

    def start(self):
        self.process = self.spawn()
        end = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.public), 1).close()
                return self
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise SystemExit(self.log())
                time.sleep(0.05)

    def refuses_to_start(self):
        """Its exit code and what it says of it."""
        process = self.spawn()
        try:
            return process.wait(PATIENCE), self.log()
        except subprocess.TimeoutExpired:
            process.kill()
            return None, "it runs"

    def log(self):
        return (self.folder / "serve.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.public, timeout=PATIENCE)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """Status and text."""
        connection = connection or self.connection()
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def post(self, path, pairs, token=OLD):
        headers = {"content-type": FORM, "X-Twilio-Signature": sign(PUBLIC + path, pairs, token)}
        status, text = self.ask("POST", path, urlencode(pairs), headers)
        if status not in (200, 204):
            raise SystemExit(f"POST {path}: {status} {text}")
        return text

    def announce(self, call):
        """The TwiML of an incoming call."""
        return self.post("/twilio/voice", incoming(call))

    def of_admin(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=PATIENCE)
        return self.ask("GET", path, connection=connection)[1]

    def order(self, call, destination):
        """An operator's transfer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=PATIENCE)
        body, kind = json.dumps({"destination": destination}), {"content-type": "application/json"}
        return self.ask("POST", f"/calls/{call}/transfer", body, kind, connection)[0]

    def calls(self):
        return json.loads(self.of_admin("/calls"))["calls"]

    def counted(self, name):
        """The sum of a metric over its labels."""
        lines = self.of_admin("/metrics").splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def upgrade(self, signature=None, **more):
        headers = {"x-twilio-signature": signature} if signature else {}
        return connect(f"ws://127.0.0.1:{self.public}/ws", additional_headers=headers, compression=None, legacy=True, **more)


def incoming(call, **more):
    pairs = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": call, "CallStatus": "ringing"}
    pairs |= {"CallerName": "", "Direction": "inbound", "From": "+15550100001", "FromCity": "SÃO PAULO & CO"}
    return list((pairs | {"To": "+15550100002"} | more).items())


def token_of(twiml):
    return twiml.split('name="token" value="')[1].split('"')[0]


def start_message(call, token=None, account=ACCOUNT):
    stream = "MZ" + call[2:]
    inner = {"accountSid": account, "streamSid": stream, "callSid": call, "tracks": ["inbound"]}
    inner |= {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}
    inner |= {"customParameters": {"token": token} if token else {}}
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": inner, "streamSid": stream})


def mulaw(sample):
    """One 16-bit sample, G.711."""
    sign_bit, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign_bit | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


SILENCE = base64.b64encode(b"\xff" * 160).decode()
# A vowel of sorts: harmonics of 150 Hz, swelling.
VOICE = [
    base64.b64encode(
        bytes(
            mulaw(int(2500 * (1 + math.sin(t / 900)) * sum(math.sin(t * h * 2 * math.pi * 150 / 8000) / h for h in (1, 2, 3, 5))))
            for t in range(frame * 160, frame * 160 + 160)
        )
    ).decode()
    for frame in range(60)
]


class Caller:
    """A live call: sends a frame every 20 ms, echoes marks, counts what it hears."""

    def __init__(self, service, call, twiml=None, token=None):
        self.service, self.call, self.stream = service, call, "MZ" + call[2:]
        self.token = token or token_of(twiml or service.announce(call))
        self.heard, self.closed, self.voice, self.sent = 0, None, [], 0
        self.socket = service.upgrade(sign(STREAM), max_size=None)
        self.socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        self.socket.send(start_message(call, self.token))
        self.threads = [threading.Thread(target=it, daemon=True) for it in (self.speak, self.listen)]
        for thread in self.threads:
            thread.start()

    def say(self, message):
        self.socket.send(json.dumps(message | {"streamSid": self.stream}))

    def speak(self):
        begun = time.monotonic()
        try:
            while self.closed is None:
                payload = self.voice.pop(0) if self.voice else SILENCE
                media = {"track": "inbound", "chunk": str(self.sent + 1), "timestamp": str(self.sent * 20)}
                self.say({"event": "media", "sequenceNumber": str(self.sent + 2), "media": media | {"payload": payload}})
                self.sent += 1
                time.sleep(max(0, begun + self.sent * 0.02 - time.monotonic()))
        except ConnectionClosed:
            pass

    def listen(self):
        try:
            while True:
                message = json.loads(self.socket.recv())
                if message["event"] == "media":
                    self.heard += len(base64.b64decode(message["media"]["payload"]))
                elif message["event"] == "mark":
                    self.say({"event": "mark", "mark": message["mark"]})
        except ConnectionClosed as closed:
            self.closed = closed.rcvd.code if closed.rcvd else 1006

    def press(self, key):
        self.say({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}})

    def hears_more(self, before=0):
        """Waits for half a second of the agent's voice beyond the samples heard `before`: since the stream began, or since what the
        caller has said to it. A short answer has come whole before anybody who asks "from now on" begins to count."""
        end = time.monotonic() + PATIENCE
        while self.heard < before + 4000 and self.closed is None and time.monotonic() < end:
            time.sleep(0.02)
        return self.heard >= before + 4000

    def until_closed(self):
        self.threads[1].join(PATIENCE)
        return self.closed

    def hang_up(self):
        if self.closed is None:
            self.say({"event": "stop", "stop": {"accountSid": ACCOUNT, "callSid": self.call}})
            self.socket.close()
