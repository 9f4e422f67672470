"""The built binary, started with a model of ours and stopped again."""
import asyncio
import glob
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# What services leave behind; goes once all is well.
HOME = tempfile.mkdtemp(prefix="switchboard-peer-")


class Service:
    def __init__(self, binary, model_url, files=None, variables=None, **settings):
        """`files` lie in its working directory, by name; `variables` are set beside the settings."""
        self.dir = tempfile.mkdtemp(dir=HOME)
        for name, text in (files or {}).items():
            with open(os.path.join(self.dir, name), "w") as file:
                file.write(text)
        self.port, self.admin_port = free_port(), free_port()
        self.base, self.admin = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.admin_port}"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SWITCHBOARD", "TWILIO", "OPENAI", "WAYBEO"))}
        env |= {
            "OPENAI_API_KEY": "sk-not-a-key",
            "SWITCHBOARD__SERVER__BIND": f"127.0.0.1:{self.port}",
            "SWITCHBOARD__SERVER__PUBLIC_URL": self.base,
            "SWITCHBOARD__ADMIN__BIND": f"127.0.0.1:{self.admin_port}",
            "SWITCHBOARD__RECORDS__DIR": os.path.join(self.dir, "calls"),
            "SWITCHBOARD__REALTIME__PROVIDER": "openai",
            "SWITCHBOARD__REALTIME__URL": model_url,
        }
        env |= {f"SWITCHBOARD__{k.upper()}": str(v) for k, v in settings.items()} | (variables or {})
        self.log = open(os.path.join(self.dir, "log"), "w")
        self.process = subprocess.Popen([binary, "serve"], cwd=self.dir, env=env, stderr=self.log, stdout=self.log)

    async def ready(self):
        for _ in range(100):
            try:
                with urllib.request.urlopen(self.base + "/health", timeout=1) as answer:
                    assert json.load(answer)["status"] == "ok"
                    return self
            except OSError:
                assert self.process.poll() is None, "the service left: " + open(self.log.name).read()[-3000:]
                await asyncio.sleep(0.1)
        raise AssertionError("the service does not answer /health: " + open(self.log.name).read()[-3000:])

    def calls(self):
        with urllib.request.urlopen(self.admin + "/calls", timeout=5) as answer:
            return json.load(answer)

    async def record(self, call_sid, timeout=8):
        """The one transcript and the one queue entry of a call."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            names = glob.glob(f"{self.dir}/calls/call_{call_sid}_*_queue.json")
            if names:
                transcripts = glob.glob(f"{self.dir}/calls/call_{call_sid}_*_transcript.json")
                assert len(names) == 1 and len(transcripts) == 1, names + transcripts
                return json.load(open(transcripts[0])), json.load(open(names[0]))
            await asyncio.sleep(0.05)
        raise AssertionError(f"no record of {call_sid}: {os.listdir(self.dir + '/calls')}\n" + open(self.log.name).read()[-3000:])

    def stop(self):
        """The process that waits here is the model's too: whoever is still on is not waited for."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(25)
        return self.process.returncode
