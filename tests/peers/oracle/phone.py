"""A Media Streams caller by Twilio's reference: strict about every field it is sent, exact about what has been played."""
import asyncio
import base64
import json
import time
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree as ET

import numpy as np
import websockets

import signals

SHAPES = {"media": {"event", "streamSid", "media"}, "mark": {"event", "streamSid", "mark"}, "clear": {"event", "streamSid"}}


class Phone:
    def __init__(self, pcm=None, mark_delay=0.0, talk=True):
        self.pcm = pcm if pcm is not None else np.zeros(0, dtype=np.int16)
        self.mark_delay, self.talk = mark_delay, talk
        self.call_sid, self.stream_sid = "CA" + uuid.uuid4().hex, "MZ" + uuid.uuid4().hex
        self.problems, self.marks, self.clears = [], [], []
        self.queue = []  # (kind, samples or name) not yet played
        self.played = []  # (time of the call in samples, samples)
        self.media_after_clear = []
        self.received = bytearray()
        self.closed = None
        self.first_sound = None
        self.query = ""
        self.number = "+15550100001"

    def ring(self, base, **fields):
        form = {"CallSid": self.call_sid, "AccountSid": "AC" + "0" * 32, "From": self.number, "To": "+15550100002", "CallStatus": "ringing", "Direction": "inbound", "ApiVersion": "2010-04-01", **fields}
        request = urllib.request.Request(base + "/twilio/voice" + self.query, data=urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=15) as answer:
            assert answer.headers["Content-Type"].split(";")[0] in ("text/xml", "application/xml"), answer.headers["Content-Type"]
            return answer.read().decode()

    async def call(self, base, hold=30.0):
        twiml = await asyncio.get_running_loop().run_in_executor(None, self.ring, base)
        root = ET.fromstring(twiml)
        stream = root.find("./Connect/Stream")
        if stream is None:
            return twiml
        assert root.tag == "Response" and root.find("./Connect").get("action") and root[-1].tag == "Hangup", twiml
        assert "?" not in stream.get("url") and "track" not in stream.attrib, twiml
        parameters = {p.get("name"): p.get("value") for p in stream.findall("Parameter")}
        assert all(len(k) + len(v) < 500 for k, v in parameters.items()) and "token" in parameters, twiml
        await self.stream(stream.get("url"), parameters, hold)

    async def ask(self, base, path, **fields):
        """Asks a webhook, as Twilio does when a stream or a dialled leg has ended."""
        form = {"CallSid": self.call_sid, "AccountSid": "AC" + "0" * 32, "From": self.number, "To": "+15550100002", "CallStatus": "in-progress", "Direction": "inbound", "ApiVersion": "2010-04-01", **fields}

        def post():
            request = urllib.request.Request(base + path, data=urllib.parse.urlencode(form).encode())
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.read().decode()

        return ET.fromstring((await asyncio.get_running_loop().run_in_executor(None, post)) or "<Response/>")

    async def return_to(self, root, hold=30.0):
        """Opens the stream of a later document of the same call."""
        stream = root.find("./Connect/Stream")
        assert stream is not None, ET.tostring(root)
        self.stream_sid = "MZ" + uuid.uuid4().hex
        self.queue, self.clock, self.closed = [], 0, None
        parameters = {p.get("name"): p.get("value") for p in stream.findall("Parameter")}
        await self.stream(stream.get("url"), parameters, hold)

    async def stream(self, url, parameters, hold):
        async with websockets.connect(url, compression=None, max_size=None) as socket:
            self.socket = socket
            await self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
            start = {"accountSid": "AC" + "0" * 32, "streamSid": self.stream_sid, "callSid": self.call_sid, "tracks": ["inbound"], "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": parameters}
            self.sequence = 1
            await self.say({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": self.stream_sid})
            self.began = time.monotonic()
            tasks = [asyncio.ensure_future(x) for x in (self._talk(), self._listen(), self._play())]
            done, pending = await asyncio.wait(tasks, timeout=hold, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for task in done:
                task.result()
            self.closed = self.closed or (socket.close_code, socket.close_reason)

    async def say(self, message):
        await self.socket.send(json.dumps(message))

    async def _talk(self):
        try:
            await self._frames()
        except websockets.ConnectionClosed:
            pass

    async def _frames(self):
        code, n = signals.mulaw_encode(self.pcm), 0
        while True:
            if self.talk:
                frame = code[n * 160 : (n + 1) * 160]
                frame += b"\xff" * (160 - len(frame))
                self.sequence += 1
                media = {"track": "inbound", "chunk": str(n + 1), "timestamp": str(n * 20), "payload": base64.b64encode(frame).decode()}
                await self.say({"event": "media", "sequenceNumber": str(self.sequence), "media": media, "streamSid": self.stream_sid})
            n += 1
            await asyncio.sleep(max(0, self.began + n * 0.02 - time.monotonic()))

    async def press(self, digit):
        self.sequence += 1
        await self.say({"event": "dtmf", "streamSid": self.stream_sid, "sequenceNumber": str(self.sequence), "dtmf": {"track": "inbound_track", "digit": digit}})

    async def hang_up(self):
        self.sequence += 1
        await self.say({"event": "stop", "sequenceNumber": str(self.sequence), "stop": {"accountSid": "AC" + "0" * 32, "callSid": self.call_sid}, "streamSid": self.stream_sid})
        await self.socket.close(1000)

    async def _listen(self):
        try:
            async for text in self.socket:
                now = time.monotonic()
                message = json.loads(text) if isinstance(text, str) else {}
                kind = message.get("event")
                if SHAPES.get(kind) != set(message) or message["streamSid"] != self.stream_sid:
                    self.problems.append(f"31951: {text[:200]}")
                elif kind == "media":
                    if set(message["media"]) != {"payload"}:
                        self.problems.append(f"31951: {text[:200]}")
                    data = base64.b64decode(message["media"]["payload"], validate=True)
                    self.received += data
                    self.media_after_clear.append((now, data))
                    self.queue.append(("audio", signals.mulaw_decode(data)))
                elif kind == "mark":
                    if set(message["mark"]) != {"name"}:
                        self.problems.append(f"31951: {text[:200]}")
                    self.queue.append(("mark", message["mark"]["name"]))
                elif kind == "clear":
                    self._advance(now)
                    self.clears.append((now, self.position))
                    names = [what for sort, what in self.queue if sort == "mark"]
                    self.queue.clear()
                    self.media_after_clear.clear()
                    for name in names:
                        self._echo(name)
                self._advance(now)
        except websockets.ConnectionClosed:
            pass
        self.closed = (self.socket.close_code, self.socket.close_reason)

    position = 0  # samples of agent audio played so far
    clock = 0  # samples of the call gone by

    def _advance(self, now):
        """Plays in real time what is queued; silence otherwise."""
        until = int((now - self.began) * 8000)
        while self.clock < until:
            if not self.queue:
                self.clock = until
                break
            sort, what = self.queue[0]
            if sort == "mark":
                self.queue.pop(0)
                self._echo(what)
                continue
            take = min(len(what), until - self.clock)
            self.played.append((self.clock, what[:take]))
            if self.first_sound is None and np.abs(what[:take].astype(int)).max(initial=0) > 200:
                self.first_sound = self.clock / 8000
            self.clock += take
            self.position += take
            if take == len(what):
                self.queue.pop(0)
            else:
                self.queue[0] = ("audio", what[take:])
        while self.queue and self.queue[0][0] == "mark":
            self._echo(self.queue.pop(0)[1])

    def _echo(self, name):
        self.marks.append(name)

        async def send():
            await asyncio.sleep(self.mark_delay)
            self.sequence += 1
            try:
                await self.say({"event": "mark", "sequenceNumber": str(self.sequence), "streamSid": self.stream_sid, "mark": {"name": name}})
            except websockets.ConnectionClosed:
                pass

        asyncio.ensure_future(send())

    async def _play(self):
        while True:
            await asyncio.sleep(0.005)
            self._advance(time.monotonic())

    def heard(self):
        """What the caller heard, on the call's clock."""
        out = np.zeros(self.clock, dtype=np.int16)
        for at, samples in self.played:
            out[at : at + len(samples)] = samples[: max(0, len(out) - at)]
        return out
