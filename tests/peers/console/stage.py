"""What the judge plays with: the service, pages of the browser, and statements about both."""

import asyncio
import inspect
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BINARY = Path(sys.argv[-1])
SHOTS = Path(__file__).resolve().parents[3] / "target/console"
PATIENCE = 30_000
CHROMIUM = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync --use-fake-device-for-media-stream --use-fake-ui-for-media-stream --autoplay-policy=no-user-gesture-required""".split()


def that(what, so, detail=""):
    print(f"  {'ok' if so else 'FAILED'}  {what}", flush=True)
    if not so:
        raise SystemExit(f"{what}: {detail}")


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def ask(url, body=None, headers=()):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(), headers={"content-type": "application/json", "accept": "application/json", **dict(headers)})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


class Service:
    """`switchboard serve` in a folder of its own."""

    def __init__(self, folder, token=None, more=""):
        self.public, self.admin = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.admin}"
        config = Path(folder) / "config.toml"
        config.write_text(f'[server]\nbind = "127.0.0.1:{self.public}"\n[admin]\nbind = "127.0.0.1:{self.admin}"\n[twilio]\nverify = "off"\n[transfers.sales]\nnumber = "+15550109999"\n{more}')
        environment = {"PATH": os.environ["PATH"], "HOME": folder} | ({"SWITCHBOARD_ADMIN_TOKEN": token} if token else {})
        self.log = open(Path(folder) / "log", "w")
        self.process = subprocess.Popen([BINARY, "serve", "--config", config], cwd=folder, env=environment, stdout=self.log, stderr=self.log)
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.callers = []
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if ask(f"{self.url}/calls", headers=self.headers)[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the service did not start: " + (Path(folder) / "log").read_text())

    def call(self, *more):
        """Places a call; returns its process."""
        command = [BINARY, "call", "--url", f"http://127.0.0.1:{self.public}/twilio/voice", *more]
        self.callers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return self.callers[-1]

    def calls(self):
        return json.loads(ask(f"{self.url}/calls", headers=self.headers)[2])["calls"]

    def stop(self):
        for process in self.callers:
            process.kill()
            process.wait()
        # The first signal lets calls end by themselves, the second ends them now.
        for _ in range(2):
            self.process.terminate()
            time.sleep(0.3)
        self.process.wait(30)
        self.log.close()


class Browser:
    """One page in a profile of its own; what it logs as errors and what it asks of other hosts is kept."""

    def __init__(self, chromium, **context):
        self.chromium, self.context, self.errors, self.hosts = chromium, context, [], set()

    async def __aenter__(self):
        self.profile = await self.chromium.new_context(**self.context)
        self.profile.set_default_timeout(PATIENCE)
        page = await self.profile.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.on("console", lambda said: self.errors.append(said.text) if "Content Security" in said.text else None)
        page.errors, page.hosts = self.errors, self.hosts
        return page

    async def __aexit__(self, *_):
        await self.profile.close()


def by(page, testid):
    return page.locator(f'[data-testid="{testid}"]')


async def shot(page, name):
    await page.screenshot(path=SHOTS / f"{name}.png")


async def shows(page, expression):
    """Waits for an expression of the page. Playwright's own waiting is an `eval`, which the page's policy forbids."""
    end = time.monotonic() + PATIENCE / 1000
    while not await page.evaluate(expression):
        if time.monotonic() > end:
            raise SystemExit(f"in vain: {expression}")
        await asyncio.sleep(0.05)


async def until(what, met, seconds=30, seen=lambda: ""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = met()
        if await answer if inspect.isawaitable(answer) else answer:
            return that(what, True)
        await asyncio.sleep(0.05)
    that(what, False, seen())


async def said(page, testid, text):
    return text in " ".join(await by(page, testid).all_inner_texts())


def state_of(service, call):
    return next((it["state"] for it in service.calls() if it["id"] == call), None)
