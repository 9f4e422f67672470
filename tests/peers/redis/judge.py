"""Two nodes share one queue in a real redis-server. One is killed with what it had in hand; the other goes on with it.

Then Redis loses what it was told, and a caller is erased while their deliveries wait."""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE = 60.0
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver(ThreadingHTTPServer):
    """Refuses everything while it is `down`, and keeps the ids of what it took."""

    def __init__(self):
        self.down, self.tried, self.taken, self.lock = True, Counter(), Counter(), threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                json.loads(self.rfile.read(int(self.headers["content-length"])))
                event = self.headers["webhook-id"]
                with receiver.lock:
                    receiver.tried[event] += 1
                    if not receiver.down:
                        receiver.taken[event] += 1
                self.send_response(503 if receiver.down else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A connection that a killed node left is no error."""


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def until(what, met, detail=lambda: ""):
    end = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > end:
            print(f"  FAILED  {what}")
            raise SystemExit(f"{what}: {detail()}")
        time.sleep(0.05)
    print(f"  ok  {what}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Redis:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--appendonly", "yes", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until("redis-server answers", lambda: answers(self.port))

    def say(self, *words):
        command = ["redis-cli", "-p", str(self.port), "-n", "3", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Node:
    def __init__(self, binary, folder, redis, receiver):
        self.binary, self.folder = binary, folder
        folder.mkdir()
        self.public, admin = free_port(), free_port()
        (folder / "config.toml").write_text(
            f"""
[server]
bind = "127.0.0.1:{self.public}"
[admin]
bind = "127.0.0.1:{admin}"
[records]
dir = "{folder}/calls"
[delivery]
backend = "redis"
redis_url = "redis://127.0.0.1:{redis.port}/3"
[webhooks.retry]
initial = "500ms"
max = "2s"
[[webhooks.endpoints]]
name = "crm"
url = "http://127.0.0.1:{receiver.server_address[1]}/"
allow_private = ["127.0.0.1"]
"""
        )

    def start(self):
        log = open(self.folder / "serve.log", "ab")
        command = [self.binary, "serve", "--config", str(self.folder / "config.toml")]
        environment = {**os.environ, "SWITCHBOARD_WEBHOOK_SECRET": SECRET}
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
        until(f"node {self.folder.name} answers", lambda: answers(self.public), self.log)

    def log(self):
        return (self.folder / "serve.log").read_text()

    def call(self, number):
        url = f"http://127.0.0.1:{self.public}/twilio/voice"
        command = [self.binary, "call", "--url", url, "--hangup-after", "1s", "--calls", str(number), "--json"]
        before = len(self.records())
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
        until(f"{number} calls are recorded", lambda: len(self.records()) == before + number, self.log)

    def records(self):
        return list(self.folder.glob("calls/call_*_transcript.json"))

    def events(self):
        """The ids of everything that this node's records have to tell."""
        ids = set()
        for path in self.records():
            call = json.loads(path.read_text())["id"]
            ids |= {f"evt_{call}_{kind}" for kind in ("started", "ended", "transcript")}
        return ids

    def statuses(self):
        return {json.loads(path.read_text())["status"] for path in self.folder.glob("calls/call_*_queue.json")}

    def end(self, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(PATIENCE)


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis, receiver = Redis(folder), Receiver()
        redis.start()
        one, two = (Node(binary, folder / name, redis, receiver) for name in ("one", "two"))
        one.start()
        two.start()
        one.call(3)
        two.call(2)
        events = one.events() | two.events()
        assert len(events) == 15, events
        until("every event of both nodes was tried", lambda: set(receiver.tried) >= events, lambda: receiver.tried)

        one.end(kill=True)
        receiver.down = False
        until(
            "the other node delivers what the killed one had in hand",
            lambda: set(receiver.taken) >= events,
            lambda: (events - set(receiver.taken), two.log()),
        )
        until("its own queue files are completed", lambda: two.statuses() == {"completed"}, two.statuses)
        time.sleep(3)
        again = {event: times for event, times in receiver.taken.items() if times > 1}
        until("nothing was delivered twice", lambda: not again, lambda: again)

        one.start()
        until("the killed node learns how its own ended", lambda: one.statuses() == {"completed"}, one.statuses)

        redis.stop()
        two.call(1)
        events = one.events() | two.events()
        assert len(events) == 18, events
        redis.start()
        until("what happened while Redis was away is delivered", lambda: set(receiver.taken) >= events, two.log)
        until("and completed", lambda: two.statuses() == {"completed"}, two.statuses)
        until("nobody made up an event", lambda: set(receiver.taken) == events, lambda: set(receiver.taken) - events)
        lost_writes(redis, receiver, one, two)
        erased(redis, receiver, one, two)
        for node in (one, two):
            node.end()
        redis.stop()


def lost_writes(redis, receiver, one, two):
    """Redis comes back without what it was told last: with cases in hand, and with one that nobody has taken yet."""
    receiver.down = True
    one.call(1)
    fresh = one.events() - set(receiver.taken)
    until("what is new was tried", lambda: set(receiver.tried) >= fresh, lambda: receiver.tried)
    redis.say("FLUSHALL")
    receiver.down = False
    until("what was in hand is delivered", lambda: set(receiver.taken) >= fresh, lambda: (one.log(), two.log()))
    until("and completed", lambda: one.statuses() == {"completed"}, lambda: (one.statuses(), one.log()))
    one.end()
    two.end()
    # Pushed, and then lost before any node took it: as a lagging replica leaves it.
    left = f"{one.folder}/calls/deliveries"
    event = sorted(event for event in fresh if event.endswith("_transcript"))[0]
    case = json.loads(Path(f"{left}/completed/{event}.json").read_text())
    for course in case["deliveries"].values():
        course.update(status="pending", attempts=0)
        course.pop("ended_at", None)
    case["entry"] = "1760700000000-0"
    Path(f"{left}/shared/{event}.json").write_text(json.dumps(case))
    Path(f"{left}/completed/{event}.json").unlink()
    redis.say("FLUSHALL")
    before = receiver.taken[event]
    one.start()
    two.start()
    until("what the stream has lost is given to it again", lambda: receiver.taken[event] > before, one.log)
    until("nothing waits for ever", lambda: not os.listdir(f"{left}/shared"), lambda: os.listdir(f"{left}/shared"))
    dead = [name for node in (one, two) for name in os.listdir(f"{node.folder}/calls/deliveries/failed")]
    until("nothing became a dead letter", lambda: not dead, lambda: (dead, one.log()))


def erased(redis, receiver, one, two):
    """A caller is erased while their deliveries wait for a retry: nothing of them is sent or written again."""
    receiver.down = True
    one.call(1)
    fresh = one.events() - set(receiver.taken)
    until("what is new was tried", lambda: set(receiver.tried) >= fresh, lambda: receiver.tried)
    call = next(event for event in fresh if event.endswith("_ended"))[len("evt_") : -len("_ended")]
    command = [one.binary, "records", "--config", f"{one.folder}/config.toml", "erase", "--call", call]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=one.folder)
    until("erase says so", lambda: done.returncode == 0, lambda: done)
    receiver.down = False
    time.sleep(8)
    until("the receiver gets nothing of it", lambda: not fresh & set(receiver.taken), lambda: receiver.taken)
    kept = [key for key in redis.say("KEYS", "*").split() if call in key and not key.startswith("switchboard:erased:")]
    stream = redis.say("XRANGE", "switchboard:deliveries", "-", "+") + redis.say("HGETALL", "switchboard:progress")
    until("the queue holds nothing of it", lambda: not kept and call not in stream, lambda: (kept, stream))
    found = [
        str(path)
        for node in (one, two)
        for path in node.folder.glob("calls/**/*")
        if path.is_file() and (call in path.name or call in path.read_text(errors="ignore"))
    ]
    marks = [path for path in found if "/erased/" in path]
    until("nor do the disks", lambda: found == marks, lambda: found)


main()
