"""An admin listener with every path the console knows, and calls that go on by themselves.

As a program: `mock.py PORT [CALLS]` serves the page of the source tree, for looking at while it is written.
"""

import asyncio
import functools
import json
import math
import re
import struct
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from aiohttp import WSMsgType, web

PAGE = Path(__file__).resolve().parents[3] / "src/service/console/page"
# The service's own policy, so that the page is held to it here too.
POLICY = re.sub(r"\\\n\s*", "", re.search(r'"content-security-policy",\s*"([^"]+)"', (PAGE.parent / "mod.rs").read_text())[1])
STATES = ["greeting", "listening", "thinking", "speaking", "speaking", "listening", "transferring"]
AGENTS = ["sales", "service", "default", "bookings"]
SAID = [
    ("assistant", "Good morning, Deccan Motors. How can I help you today?", None),
    ("user", "Hi, I wanted to ask about the service slot on Thursday.", None),
    ("assistant", "Of course. On Thursday there is a slot at ten in the morning, and another at half past three in the afternoon.", 62),
    ("user", "The first one, please.", None),
    ("assistant", "Ten o’clock on Thursday it is. May I have the registration number of the car?", None),
]
ROUTES = {
    "/": ["GET"], "/calls": ["GET", "POST"], "/calls/{id}": ["GET"], "/calls/{id}/events": ["GET"], "/events": ["GET"],
    "/calls/{id}/hangup": ["POST"], "/calls/{id}/recording": ["POST"], "/calls/{id}/diagnosis": ["POST"],
    "/calls/{id}/transfer": ["POST"], "/calls/{id}/whisper": ["POST"], "/calls/{id}/say": ["POST"],
    "/calls/{id}/listen": ["GET"], "/calls/{id}/take-over": ["GET"], "/test-call": ["GET"], "/spend": ["GET"],
    "/spend/kill": ["POST"], "/metrics": ["GET"], "/health": ["GET"], "/ready": ["GET"], "/records": ["GET"],
    "/records.csv": ["GET"], "/records/{id}": ["GET"], "/records/{id}/audio": ["GET"], "/deliveries": ["GET"],
    "/deliveries/{id}/retry": ["POST"], "/nodes": ["GET"], "/nodes/{node}/drain": ["POST"], "/reload": ["POST"],
    "/audit": ["GET"], "/me": ["GET"], "/sign-in": ["POST"], "/sign-out": ["POST"], "/configuration": ["GET"],
    "/configuration/route": ["POST"],
}  # fmt: skip
TOKENS = {"see-only": "viewer", "open-sesame": "admin"}


def rfc3339(at):
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Mock:
    """`calls` live calls, or an error on every path. `orders` keeps what was posted, `sounds` what came over sockets."""

    def __init__(self, calls=3, broken=False, signs_in=False, events=True):
        self.began, self.count, self.broken, self.signs_in, self.events = time.time(), calls, broken, signs_in, events
        self.orders, self.sounds, self.killed, self.ended, self.sockets = [], {}, False, set(), 0
        self.app = web.Application(middlewares=[self.guard])
        add = self.app.router.add_route
        add("GET", "/console/{name:.*}", self.file)
        for path, methods in ROUTES.items():
            for method in methods:
                add(method, path, self.answer)

    async def start(self, port=0):
        self.runner = web.AppRunner(self.app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self):
        await self.runner.cleanup()

    @web.middleware
    async def guard(self, request, handler):
        if request.path.startswith("/console/") or request.path == "/sign-in":
            return await handler(request)
        if self.signs_in and request.cookies.get("session") not in TOKENS:
            return problem(401, "expected a sign-in")
        if self.broken and request.path != "/":
            return problem(503, "the service does not answer; it may be overloaded")
        return await handler(request)

    async def file(self, request):
        name = request.match_info["name"] or "index.html"
        kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
        return web.Response(body=(PAGE / name).read_bytes(), content_type=kinds[name.rsplit(".", 1)[-1]], charset="utf-8", headers={"content-security-policy": POLICY})

    async def answer(self, request):
        path = request.match_info.route.resource.canonical
        body = await request.json() if request.can_read_body else None
        if request.method == "POST":
            self.orders.append((request.path, body))
        name = path.strip("/").replace("/", "_").replace("{", "").replace("}", "").replace("-", "_").replace(".", "_")
        return await getattr(self, f"{request.method.lower()}_{name or 'index'}")(request, body)

    # What the service is.

    async def get_index(self, request, _):
        routes = [{"path": path, "methods": methods} for path, methods in ROUTES.items() if self.events or path != "/events"]
        return web.json_response({"service": "switchboard", "version": "1.4.0", "routes": routes})

    async def get_me(self, request, _):
        return web.json_response({"name": "asha", "role": TOKENS.get(request.cookies.get("session"), "admin")})

    async def post_sign_in(self, request, body):
        if body["token"] not in TOKENS:
            return problem(401, "this token is not known")
        answer = web.json_response({})
        answer.set_cookie("session", body["token"], httponly=True, samesite="Strict")
        return answer

    async def post_sign_out(self, request, _):
        answer = web.json_response({})
        answer.del_cookie("session")
        return answer

    async def get_health(self, *_):
        return web.json_response({"status": "ok", "active_calls": self.count, "version": "1.4.0", "uptime_s": 273_912})

    async def get_ready(self, *_):
        return web.json_response({"status": "ready"})

    async def get_configuration(self, *_):
        return web.json_response({
            "agents": {name: {"languages": ["en", "hi", "mr"], "model": "gpt-realtime", "tools": ["end_call", "transfer_call", "book"]} for name in AGENTS},
            "carriers": ["twilio", "plivo"], "languages": {"en": "English", "hi": "Hindi", "mr": "Marathi"}, "transfers": {"sales": "number", "workshop": "sip"},
            "recording": {"dir": "data/calls"}, "outbound": {"enabled": True, "from": "+912250000000", "allow": ["+91"]}, "secrets": {"OPENAI_API_KEY": "present", "TWILIO_AUTH_TOKEN": "present", "PLIVO_AUTH_ID": "absent"},
            "server": {"bind": "127.0.0.1:8080", "max_calls": 400}, "notes": ["recording.enabled: callers of default are recorded and not told"],
        })  # fmt: skip

    async def post_configuration_route(self, *_):
        return web.json_response({"agent": "sales", "language": "hi", "recorded": True})

    async def get_spend(self, *_):
        limits = {"caller": {"soft_usd": 1, "hard_usd": 2}, "day": {"soft_usd": 40, "hard_usd": 50}}
        return web.json_response({"today_usd": 12.482, "callers": 231, "killed": self.killed, "limits": limits})

    async def post_spend_kill(self, request, body):
        self.killed = body["on"]
        return await self.get_spend()

    async def get_metrics(self, *_):
        t = time.time() - self.began
        turns = int(t * 7) + 1
        lines = [f"switchboard_calls_active {len(self.live())}", f"switchboard_barge_in_seconds_count {int(t * 1.3)}", 'switchboard_model_errors_total{code="rate_limit"} 0']
        for name, labels in [("call_setup_seconds", ""), ("turn_latency_seconds", 'part="total",')]:
            for bound, part in [("0.25", 0.1), ("0.5", 0.45 + 0.1 * math.sin(t / 9)), ("1", 0.9), ("2", 0.98), ("+Inf", 1)]:
                lines.append(f'switchboard_{name}_bucket{{{labels}le="{bound}"}} {int(turns * part)}')
        return web.Response(text="\n".join(lines) + "\n")

    # The calls.

    def call(self, n):
        lasted = (n * 7919) % 400_000 + (time.time() - self.began) * 1000
        return {
            "id": f"00000000-0000-4000-8000-{n:012d}", "carrier": "twilio" if n % 3 else "plivo", "carrier_call_id": f"CA{n:032x}", "stream_id": f"MZ{n:032x}",
            "direction": "outbound" if n % 7 == 3 else "inbound", "from": f"+91550{n:07d}", "to": "+912250000000", "agent": AGENTS[n % 4], "language": ["en", "hi", "mr"][n % 3],
            "model": "gpt-realtime", "state": STATES[(n + int((time.time() - self.began) / 2)) % len(STATES)], "started_at": rfc3339(time.time() - lasted / 1000),
            "duration_ms": int(lasted), "turns": n % 9 + 1, "answer_ms": 400 + n * 37 % 900, "barge_ins": n % 3, "dropped_frames": 0, "cost_usd": round(lasted * 0.0000017, 5), "node": "a",
        }  # fmt: skip

    def live(self):
        return [call for call in map(self.call, range(1, self.count + 1)) if call["id"] not in self.ended]

    def find(self, request):
        return next((call for call in self.live() if request.match_info["id"] in (call["id"], call["carrier_call_id"])), None)

    async def get_calls(self, *_):
        calls = self.live()
        return web.json_response({"active": len(calls), "max_calls": 400, "draining": False, "calls": calls})

    async def get_calls_id(self, request, _):
        call = self.find(request)
        if not call:
            return problem(404, "no live call has this id")
        call["conversation"] = conversation(time.time() - call["duration_ms"] / 1000)
        call["latency"] = [
            {"turn": 1, "end_of_speech_ms": 480, "first_delta_ms": 210, "first_sent_ms": 6, "first_heard_ms": 24, "total_ms": 720, "filler_ms": None},
            {"turn": 2, "end_of_speech_ms": 510, "first_delta_ms": 1480, "first_sent_ms": 9, "first_heard_ms": 31, "total_ms": 2030, "filler_ms": 900},
            {"turn": 3, "end_of_speech_ms": 460, "first_delta_ms": 190, "first_sent_ms": 5, "first_heard_ms": 22, "total_ms": 677, "filler_ms": None},
        ]  # fmt: skip
        call["usage"] = {"input_audio": 1243, "cached_text": 4810, "output_audio": 916, "output_text": 240}
        call["tools"] = [{"name": "find_slot", "timestamp": call["conversation"][2]["timestamp"], "arguments": {"day": "Thursday"}, "output": {"slots": ["10:00", "15:30"]}}]
        call["diagnosis"] = {"verdict": "good", "reading": "declared", "corrected": False, "level_dbfs": -22.4, "peak_dbfs": -6.8, "clipped_percent": 0.0, "findings": [], "packets": {"rate_hz": 8000, "length_ms": 20.0, "lost_percent": 0.2}}
        call |= {"first_audio_ms": 126, "model_setup_ms": 310, "incidents": []}
        return web.json_response(call)

    async def stream(self, request, events):
        answer = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
        await answer.prepare(request)
        try:
            number = 0
            async for event, data in events:
                number += 1
                await answer.write(f"id: {number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())
        except ConnectionResetError:
            pass
        return answer

    async def get_events(self, request, _):
        async def events():
            while True:
                calls = self.live()
                for call in calls:
                    yield "call.updated", {"id": call["id"], "state": call["state"], "duration_ms": call["duration_ms"], "cost_usd": call["cost_usd"], "turns": call["turns"]}
                yield "stats", {"active": len(calls), "max_calls": 400}
                await asyncio.sleep(1)

        return await self.stream(request, events())

    async def get_calls_id_events(self, request, _):
        if not self.find(request):
            return problem(404, "no live call has this id")

        async def events():
            line = "Let me look that up for you, one moment please. "
            for number in range(10_000):
                yield "state", {"at": rfc3339(time.time()), "state": STATES[number % len(STATES)]}
                for word in line.split():
                    yield "words", {"at": rfc3339(time.time()), "speaker": "agent", "item": f"item{number}", "text": word + " ", "final": False}
                    await asyncio.sleep(0.3)

        return await self.stream(request, events())

    async def post_calls(self, request, body):
        if not body["to"].startswith("+91"):
            return problem(403, "this number is not among outbound.allow")
        return web.json_response({"status": "dialling", "id": "d", "carrier_call_id": None}, status=202)

    async def post_calls_id_hangup(self, request, _):
        self.ended.add(request.match_info["id"])
        return web.json_response({"status": "hanging_up"}, status=202)

    async def accepted(self, *_):
        return web.json_response({"status": "accepted"}, status=202)

    post_calls_id_whisper = post_calls_id_say = post_calls_id_diagnosis = post_nodes_node_drain = post_deliveries_id_retry = accepted

    async def post_calls_id_recording(self, request, body):
        return web.json_response({"recording": "paused" if body["paused"] else "running"})

    async def post_calls_id_transfer(self, request, body):
        if body["destination"] == "workshop":
            return problem(409, "the call is being transferred already")
        return await self.accepted()

    # Sockets: the agent's side is a tone; what comes is counted.

    async def sound(self, request, sides):
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.sockets += 1
        frame = bytes(mu_law(0.4 * math.sin(n / 160 * 2 * math.pi * 8)) for n in range(160))

        async def speak():
            while True:
                for side in sides:
                    await line.send_bytes(bytes([side]) + frame)
                if not sides:
                    # A test call: the agent alone, and marks in what it says.
                    await line.send_bytes(frame)
                    await line.send_str(json.dumps({"mark": "1:160:item"}))
                await asyncio.sleep(0.02)

        speaking = asyncio.create_task(speak())
        got = self.sounds.setdefault(request.path, {"bytes": 0, "sizes": set(), "texts": []})
        async for message in line:
            if message.type == WSMsgType.BINARY:
                got["bytes"] += len(message.data)
                got["sizes"].add(len(message.data))
            elif message.type == WSMsgType.TEXT:
                got["texts"].append(json.loads(message.data))
        speaking.cancel()
        self.sockets -= 1
        return line

    async def get_calls_id_listen(self, request, _):
        return await self.sound(request, [0, 1])

    async def get_calls_id_take_over(self, request, _):
        return await self.sound(request, [0])

    async def get_test_call(self, request, _):
        return await self.sound(request, [])

    # What is over.

    def record(self, n, full=False):
        start = self.began - n * 613
        record = {
            "id": f"10000000-0000-4000-8000-{n:012d}", "carrier": "twilio", "carrier_call_id": f"CB{n:032x}", "direction": "inbound", "from": f"+91660{n:07d}", "to": "+912250000000",
            "agent": AGENTS[n % 4], "language": "en", "started_at": rfc3339(start), "duration_ms": 30_000, "cost_usd": 0.034, "disposition": ["booked", "call_back"][n % 2],
            "ending": {"reason": ["caller_hung_up", "transferred", "model_lost"][n % 3], "by": "caller"},
        }  # fmt: skip
        if full:
            record |= {"conversation": conversation(start, taken=n % 3 == 0), "recording": "call.wav", "summary": "The caller booked a service slot on Thursday at ten.", "answers": {"registration": "MH 12 AB 1234"}, "model": "gpt-realtime"}
        return record

    async def get_records(self, request, _):
        asked = request.query
        records = [self.record(n) for n in range(1, 121)]
        records = [it for it in records if not asked.get("agent") or it["agent"] == asked["agent"]]
        if asked.get("text") and not any(asked["text"].lower() in text.lower() for _, text, _ in SAID):
            records = []
        at = int(asked.get("cursor") or 0)
        return web.json_response({"records": records[at : at + 50], "cursor": str(at + 50) if at + 50 < len(records) else None})

    async def get_records_csv(self, *_):
        return web.Response(text="id,agent\n", content_type="text/csv")

    async def get_records_id(self, request, _):
        return web.json_response(self.record(int(request.match_info["id"][-12:]), full=True))

    async def get_records_id_audio(self, request, _):
        return web.Response(body=wav(taken=int(request.match_info["id"][-12:]) % 3 == 0), content_type="audio/wav")

    async def get_deliveries(self, *_):
        rows = [("call.ended", "failed", 7), ("transcript.ready", "pending", 1)]
        return web.json_response({"deliveries": [{"id": f"d{n}", "type": event, "status": status, "at": rfc3339(time.time() - 400 * n), "call": "c", "endpoints": {"crm": {"status": status, "attempts": tries, "next_at": None, "last": "503"}}} for n, (event, status, tries) in enumerate(rows, 1)]})

    async def get_nodes(self, *_):
        rows = [{"node": name, "version": "1.4.0", "active": self.count // 2, "max_calls": 200, "draining": name == "b", "uptime_s": 273_912, "self": name == "a"} for name in "ab"]
        return web.json_response({"nodes": rows})

    async def post_reload(self, *_):
        return web.json_response({"changed": ["agents.sales.prompt"], "restart": []})

    async def get_audit(self, *_):
        return web.json_response({"entries": [{"at": rfc3339(time.time() - 60), "who": "asha", "role": "admin", "act": "hangup", "target": "CA0001", "result": 202}], "cursor": None})


def problem(status, detail):
    return web.json_response({"status": status, "detail": detail}, status=status, content_type="application/problem+json")


def conversation(start, taken=False):
    """What was said; in a call that somebody has taken over, the last words are theirs."""
    said = [*SAID[:-1], ("person", SAID[-1][1], None)] if taken else SAID
    return [
        {"timestamp": rfc3339(start + 1 + n * 6), "speaker": speaker, "text": text, "heard": text[:cut] if cut else text, "interrupted": bool(cut), "event_type": "said"}
        for n, (speaker, text, cut) in enumerate(said)
    ]


def mu_law(sample):
    value, sign = min(32635, abs(int(sample * 32768))) + 132, 0x80 if sample < 0 else 0
    exponent = value.bit_length() - 8
    return ~(sign | exponent << 4 | (value >> (exponent + 3)) & 15) & 255


@functools.cache
def wav(taken=False, seconds=30, rate=8000):
    """The caller speaks in the odd stretches of three seconds, the agent in the even ones; `taken` gives the last of
    these to a person on a channel of their own."""
    frames, sides = bytearray(), 3 if taken else 2
    for n in range(seconds * rate):
        voice, stretch, within = 0.0, n // (3 * rate), n % (3 * rate) / rate
        if 0.2 < within < 2.7:
            # Syllables, and breaths between a few of them.
            voice = 9000 * math.sin(n * 0.3) * abs(math.sin(within * 9)) ** 1.5 * (0.35 + 0.65 * abs(math.sin(within * 2.1 + stretch)))
        speaker = 0 if stretch % 2 else 2 if taken and stretch >= 8 else 1
        frames += struct.pack(f"<{sides}h", *(int(voice) if side == speaker else 0 for side in range(sides)))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(frames), b"WAVE", b"fmt ", 16, 1, sides, rate, rate * 2 * sides, 2 * sides, 16, b"data", len(frames))
    return bytes(head + frames)


if __name__ == "__main__":

    async def main():
        mock = await Mock(int(sys.argv[2]) if len(sys.argv) > 2 else 12).start(int(sys.argv[1]))
        print(f"{mock.url}/console/")
        await asyncio.Event().wait()

    asyncio.run(main())
