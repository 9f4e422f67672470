"""A phone at the end of a Media Stream, which knows at which moment its owner hears what.

The line keeps what it is sent until it has been played: `heard` are pieces of mu-law with the time of day at which each
begins to play, without what a `clear` removed.
"""

import asyncio
import base64
import json
import re
import time
import uuid
from html import unescape

import aiohttp

FRAME, RATE = 160, 8000
SILENCE = b"\xff" * FRAME


class Caller:
    """One call. `says` are frames of mu-law that the caller begins with; silence follows."""

    def __init__(self, public, says=()):
        self.public, self.says = public, list(says)
        self.sid, self.stream = f"CA{uuid.uuid4().hex}", f"MZ{uuid.uuid4().hex}"
        self.heard, self.cleared, self.ends, self.closed = [], [], 0.0, False

    async def __aenter__(self):
        self.http = aiohttp.ClientSession()
        form = {"CallSid": self.sid, "AccountSid": "AC" + "0" * 32, "From": "+15550100001", "To": "+15550100002", "CallStatus": "ringing"}
        async with self.http.post(f"http://127.0.0.1:{self.public}/twilio/voice", data=form) as answer:
            document = await answer.text()
        url = unescape(re.search(r'<Stream[^>]*url="([^"]+)"', document)[1])
        parameters = {name: unescape(value) for name, value in re.findall(r'<Parameter name="([^"]+)" value="([^"]*)"', document)}
        self.line = await self.http.ws_connect(url)
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {"streamSid": self.stream, "accountSid": form["AccountSid"], "callSid": self.sid, "tracks": ["inbound"], "customParameters": parameters, "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}}
        await self.send({"event": "start", "sequenceNumber": "1", "streamSid": self.stream, "start": start})
        self.tasks = [asyncio.create_task(self.speak()), asyncio.create_task(self.listen())]
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        if not self.line.closed:
            await self.send({"event": "stop", "sequenceNumber": "9999", "streamSid": self.stream, "stop": {"accountSid": "AC" + "0" * 32, "callSid": self.sid}})
            await self.line.close()
        await self.http.close()

    async def send(self, message):
        await self.line.send_str(json.dumps(message))

    async def speak(self):
        began, number = time.monotonic(), 0
        while not self.line.closed:
            frame = self.says[number] if number < len(self.says) else SILENCE
            number += 1
            media = {"track": "inbound", "chunk": str(number), "timestamp": str(number * 20), "payload": base64.b64encode(frame).decode()}
            await self.send({"event": "media", "sequenceNumber": str(number + 1), "streamSid": self.stream, "media": media})
            await asyncio.sleep(max(0, began + number * 0.02 - time.monotonic()))

    async def listen(self):
        async for message in self.line:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            event = json.loads(message.data)
            now = time.time()
            if event["event"] == "media":
                sound = base64.b64decode(event["media"]["payload"])
                begins = max(now, self.ends)
                self.heard.append((begins, sound))
                self.ends = begins + len(sound) / RATE
            elif event["event"] == "clear":
                self.clear(now)
            elif event["event"] == "mark":
                asyncio.get_running_loop().call_later(max(0, self.ends - now), self.echo, event["mark"]["name"])
        self.closed = True

    def clear(self, now):
        """Drops what has not been played."""
        self.cleared.append(now)
        played = []
        for begins, sound in self.heard:
            rest = int((now - begins) * RATE)
            if rest > 0:
                played.append((begins, sound[:rest]))
        self.heard, self.ends = played, min(self.ends, now)

    def echo(self, name):
        if not self.line.closed:
            asyncio.ensure_future(self.send({"event": "mark", "sequenceNumber": "1", "streamSid": self.stream, "mark": {"name": name}}))
