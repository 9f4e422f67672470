"""A GA Realtime server, ours in nothing: dictionaries checked by the official SDK's types before they are sent, every client event
checked by them after it has come. It speaks what a scenario tells it to and hears turns when a scenario says so."""
import asyncio
import base64
import itertools
import json
import time

import numpy as np
import websockets

import oracle
import sequence

FORMATS = {"audio/pcm": 48, "audio/pcmu": 8}


class Session:
    def __init__(self, socket, world):
        self.socket, self.world = socket, world
        self.ids = world.ids
        self.judge = sequence.SequenceOracle()
        self.problems, self.log = [], []
        self.caller = bytearray()
        self.updated = asyncio.Event()
        self.updates = []
        self.active = None
        self.items = {}  # item id -> bytes of audio sent
        self.truncations, self.deletions = [], []
        self.texts, self.outputs, self.creates = [], [], []
        self.last_item = None
        self.format = "audio/pcm"
        self.pongs = 0
        self.closed = asyncio.Event()
        self.caller_id = socket.request.headers.get("OpenAI-Safety-Identifier")
        self.responses = 0

    def drop(self):
        """The connection is gone, without a word."""
        self.dropped = time.monotonic()
        self.socket.transport.abort()

    async def send(self, type_, **fields):
        event = {"type": type_, "event_id": f"event_{next(self.ids)}", **fields}
        assert not oracle.check_server(event), (type_, oracle.check_server(event))
        self.judge.server(event)
        self.log.append((time.monotonic(), "server", type_))
        await self.socket.send(json.dumps(event))

    def session(self, **extra):
        audio = {"input": {"format": {"type": "audio/pcm", "rate": 24000}}, "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}}
        return {"type": "realtime", "object": "realtime.session", "id": "sess_1", "expires_at": int(time.time() + self.world.lifetime), "audio": audio, **extra}

    async def run(self):
        try:
            await self.world.at(self, "opened")
            await asyncio.sleep(self.world.created_delay)
            await self.send("session.created", session=self.session())
            async for text in self.socket:
                await self.hear(text)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.closed.set()

    async def hear(self, text):
        if not isinstance(text, str):
            self.problems.append("binary frame from the client")
            return
        event = json.loads(text)
        wrong = oracle.check_client(event)
        self.problems += [f"{event.get('type')}: {w}" for w in wrong]
        if not event.get("event_id"):
            self.problems.append(f"{event.get('type')}: no event_id")
        self.judge.client(event)
        kind = event["type"]
        self.log.append((time.monotonic(), "client", kind))
        if not self.updates and kind != "session.update":
            self.problems.append(f"{kind} before session.update")
        elif not self.updated.is_set() and kind != "session.update":
            self.problems.append(f"{kind} before session.updated")
        if kind == "session.update":
            self.updates.append(event)
            given = event["session"].get("audio", {}).get("input", {}).get("format")
            self.format = given["type"] if given else self.format
            await self.world.at(self, "told")
            await asyncio.sleep(self.world.updated_delay)
            effective = self.session()
            effective.update(event["session"])
            if self.world.updated_padding:
                effective["instructions"] = effective.get("instructions", "") + "x" * self.world.updated_padding
            await self.send("session.updated", session=effective)
            await self.socket.ping(b"are")
            self.updated.set()
        elif kind == "input_audio_buffer.append":
            self.caller += base64.b64decode(event["audio"])
        elif kind == "response.create":
            self.creates.append(event)
            if self.active:
                await self.error("conversation_already_has_active_response", "Conversation already has an active response", event)
            else:
                self.world.spawn(self.respond(*self.world.answer(self, event)))
        elif kind == "response.cancel":
            if not self.active:
                await self.error("response_cancel_not_active", "Cancellation failed: no active response found", event)
            else:
                self.active["cancelled"] = "client_cancelled"
        elif kind == "conversation.item.truncate":
            item, end = event["item_id"], event["audio_end_ms"]
            have = self.items.get(item, 0) // FORMATS[self.format]
            self.truncations.append((time.monotonic(), item, end, have))
            if end > have:
                self.problems.append(f"truncate beyond the audio: {end} > {have}")
                await self.error("invalid_value", f"Audio content of {have}ms is already shorter than {end}ms", event)
            else:
                await self.send("conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=end)
        elif kind == "conversation.item.delete":
            self.deletions.append((time.monotonic(), event["item_id"]))
            await self.send("conversation.item.deleted", item_id=event["item_id"])
        elif kind == "conversation.item.create":
            item = {"id": f"item_c{next(self.ids)}", "object": "realtime.item", "status": "completed", **event["item"]}
            (self.outputs if item["type"] == "function_call_output" else self.texts).append(item)
            await self.send("conversation.item.added", item=item, previous_item_id=self.last_item)
            await self.send("conversation.item.done", item=item, previous_item_id=self.last_item)
            self.last_item = item["id"]

    async def error(self, code, message, event):
        await self.send("error", error={"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": event.get("event_id")})

    def response(self, response, status, output, details=None, usage=None):
        return {
            "id": response, "object": "realtime.response", "status": status, "status_details": details, "output": output,
            "conversation_id": "conv_1", "output_modalities": ["audio"], "max_output_tokens": "inf", "metadata": None,
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}}, "usage": usage,
        }

    async def respond(self, pcm, transcript, call=None, faster=20.0):
        """One response: speech (24 kHz samples, or None), then perhaps a function call (name, arguments)."""
        response = f"resp_{next(self.ids)}"
        self.active = active = {"id": response, "cancelled": None, "items": []}
        self.responses += 1
        await self.send("response.created", response=self.response(response, "in_progress", []))
        await self.world.at(self, "answering")
        output = []
        if pcm is not None:
            item_id = f"item_a{next(self.ids)}"
            active["items"].append(item_id)
            item = {"id": item_id, "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
            where = {"response_id": response, "item_id": item_id, "output_index": 0, "content_index": 0}
            await self.send("response.output_item.added", response_id=response, output_index=0, item=item)
            await self.send("conversation.item.added", item=item, previous_item_id=self.last_item)
            self.last_item = item_id
            await self.send("response.content_part.added", **where, part={"type": "audio", "transcript": ""})
            data, step = pcm.astype("<i2").tobytes(), 4800 * 2
            data = data if self.format == "audio/pcm" else self.world.encode(pcm)
            step = step if self.format == "audio/pcm" else 1600
            words = transcript.split(" ")
            for n, start in enumerate(range(0, len(data), step)):
                if active["cancelled"]:
                    break
                piece = data[start : start + step]
                if n < len(words):
                    await self.send("response.output_audio_transcript.delta", **where, delta=words[n] + " ")
                self.items[item_id] = self.items.get(item_id, 0) + len(piece)
                await self.send("response.output_audio.delta", **where, delta=base64.b64encode(piece).decode(), obfuscation="aX")
                await self.world.at(self, "delta")
                await asyncio.sleep(0.2 / faster)
            await self.send("response.output_audio.done", **where)
            await self.send("response.output_audio_transcript.done", **where, transcript=transcript)
            await self.send("response.content_part.done", **where, part={"type": "audio", "transcript": transcript})
            done = {**item, "status": "incomplete" if active["cancelled"] else "completed", "content": [{"type": "output_audio", "transcript": transcript}]}
            await self.send("conversation.item.done", item=done, previous_item_id=None)
            await self.send("response.output_item.done", response_id=response, output_index=0, item=done)
            output.append(done)
        if call and not active["cancelled"]:
            name, arguments = call
            call_id = f"call_{next(self.ids)}"
            item = {"id": f"item_f{next(self.ids)}", "object": "realtime.item", "type": "function_call", "status": "in_progress", "name": name, "call_id": call_id, "arguments": ""}
            await self.send("response.output_item.added", response_id=response, output_index=len(output), item=item)
            await self.send("conversation.item.added", item=item, previous_item_id=self.last_item)
            await self.send("response.function_call_arguments.done", response_id=response, item_id=item["id"], output_index=len(output), call_id=call_id, name=name, arguments=arguments)
            done = {**item, "status": "completed", "arguments": arguments}
            await self.send("conversation.item.done", item=done, previous_item_id=None)
            await self.send("response.output_item.done", response_id=response, output_index=len(output), item=done)
            output.append(done)
            await self.world.at(self, "called")
        details = {"type": "cancelled", "reason": active["cancelled"]} if active["cancelled"] else None
        usage = {"total_tokens": 90, "input_tokens": 60, "output_tokens": 30, "input_token_details": {"text_tokens": 40, "audio_tokens": 20, "cached_tokens": 0}, "output_token_details": {"text_tokens": 10, "audio_tokens": 20}}
        self.active = None
        await self.send("response.done", response=self.response(response, "cancelled" if details else "completed", output, details, usage))
        await self.send("rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 1000, "remaining": 900, "reset_seconds": 1.0}])

    async def caller_begins(self, interrupt=True):
        """The server's turn detection hears speech; cancels the running response as `interrupt_response` asks."""
        item = f"item_u{next(self.ids)}"
        ms = len(self.caller) // FORMATS[self.format]
        began = time.monotonic()
        await self.send("input_audio_buffer.speech_started", audio_start_ms=ms, item_id=item)
        if interrupt and self.active:
            self.active["cancelled"] = "turn_detected"
        return item, began

    async def caller_ends(self, item, words, respond=True):
        ms = len(self.caller) // FORMATS[self.format]
        await self.send("input_audio_buffer.speech_stopped", audio_end_ms=ms, item_id=item)
        await self.send("input_audio_buffer.committed", item_id=item, previous_item_id=self.last_item)
        user = {"id": item, "object": "realtime.item", "type": "message", "role": "user", "status": "completed", "content": [{"type": "input_audio", "transcript": None}]}
        await self.send("conversation.item.added", item=user, previous_item_id=self.last_item)
        await self.send("conversation.item.done", item=user, previous_item_id=self.last_item)
        self.last_item = item
        if words is not None:
            await self.send("conversation.item.input_audio_transcription.completed", item_id=item, content_index=0, transcript=words, usage={"type": "duration", "seconds": 1.0})
        if respond:
            self.world.spawn(self.respond(*self.world.answer(self, None)))


async def nothing(session, point):
    """What a scenario does at a point of a session's life."""


class Model:
    """The server: one Session per socket."""

    kind = Session

    def __init__(self):
        self.sessions = []
        self.at = nothing
        self.upgrade = None
        self.lifetime = 3600
        self.ids = itertools.count(1)
        self.created_delay = self.updated_delay = 0.0
        self.updated_padding = 0
        self.arrived = asyncio.Queue()
        self.tasks = set()
        self.answer = lambda session, event: (None, "", None)

    def encode(self, pcm):
        import signals

        return signals.mulaw_encode(signals.resample(pcm, 24000, 8000))

    async def raw(self, session, message):
        """Sends what no type allows."""
        await type(session.socket).send(session.socket, message)

    def spawn(self, work):
        task = asyncio.ensure_future(self._quietly(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _quietly(self, work):
        try:
            await work
        except websockets.ConnectionClosed:
            pass

    async def _serve(self, socket):
        assert "model=" in socket.request.path, socket.request.path
        assert socket.request.headers.get("OpenAI-Beta") is None
        session = self.kind(socket, self)
        self.sessions.append(session)
        await self.arrived.put(session)
        await session.run()

    async def start(self):
        self.server = await websockets.serve(self._serve, "127.0.0.1", 0, max_size=None, compression=None, process_request=self.upgrade)
        self.port = self.server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    async def session(self, timeout=10):
        return await asyncio.wait_for(self.arrived.get(), timeout)
