"""Stateful rules: feed every frame of one session in wire order, collect violations."""
import base64

from oracle import APPENDS


class Sequence:
    """Stateful rules; feed both directions of one primary session in wire order."""
    BYTES_PER_MS = {("audio/pcm", 24000): 48, ("audio/pcm", 16000): 32, ("audio/pcmu", 8000): 8, ("audio/pcma", 8000): 8}
    def __init__(self, lead_ms=1500):
        self.bad, self.started, self.closing, self.ended = [], False, False, False
        self.mode, self.fmt, self.lead_ms = "client", ("audio/pcm", 24000), lead_ms
        self.ids, self.delegations, self.calls, self.answered, self.running = set(), set(), {}, {}, set()
        self.pending, self.fixture, self.in_ms, self.t0, self.usage = {}, False, 0.0, None, 0.0
    def _v(self, rule, detail=""): self.bad.append((rule, detail))
    def client(self, e, now):
        t = e["type"]
        if i := e.get("event_id"):
            if i in self.ids: self._v("event_id reused", i)
            self.ids.add(i)
        if self.ended: self._v("client event after session.closed", t)
        if self.closing: self._v("client event after session.close", t)
        if t == "session.start":
            if self.pending.get("start"): self._v("second session.start")
            self.pending["start"] = True
            self.mode = (e["session"].get("delegation") or {}).get("type", "client")
            f = (e["session"].get("audio") or {}).get("format") or {"type": "audio/pcm", "rate": 24000}
            self.fmt = (f["type"], f["rate"])
            return
        if not self.started: self._v("client event before session.started", t)
        if t == "session.input_audio.append":
            if self.t0 is None: self.t0 = now
            self.in_ms += len(base64.b64decode(e["audio"])) / self.BYTES_PER_MS[self.fmt]
            lead = self.in_ms - (now - self.t0) * 1000
            if lead > self.lead_ms: self._v("audio ahead of real time", f"{lead:.0f} ms")
            if lead < -self.lead_ms: self._v("audio behind real time, the session clock stands", f"{lead:.0f} ms")
        elif t in APPENDS:
            if self.fixture: self._v("append during a fixture", t)
            if self.in_ms == 0: self._v("append before any audio is never placed", t)
            d = e.get("delegation_id")
            if d is not None and self.mode != "client": self._v("delegation_id outside client delegation", d)
            elif d is not None and d not in self.delegations: self._v("unknown delegation_id", d)
        elif t == "session.output_audio.fixture.play":
            if self.fixture: self._v("second fixture while one is active")
        elif t in ("response.item.create", "response.create"):
            if self.mode != "responses": self._v("needs Responses delegation", t)
            elif t == "response.item.create" and e["item"].get("type") == "function_call_output":
                c = e["item"]["call_id"]
                if c not in self.calls: self._v("output for an unknown call", c)
                elif self.answered.get(c): self._v("call answered twice", c)
                self.answered[c] = True
            elif t == "response.create":
                left = [c for c in self.calls if not self.answered.get(c)]
                if left: self._v("response.create with calls unanswered", ",".join(left))
                if self.running: self._v("response.create while a response streams", ",".join(self.running))
        elif t == "session.update":
            d = e["session"].get("delegation")
            if d and d.get("type") != self.mode: self._v("delegation type changed", d.get("type"))
        elif t == "session.close": self.closing = True
    def server(self, e, now=0.0):
        t = e["type"]
        if self.ended: self._v("server event after session.closed", t)
        if t == "session.started": self.started = True
        elif not self.started and t != "error": self._v("server event before session.started", t)
        elif t == "session.delegation.created": self.delegations.add(e["delegation"]["id"])
        elif t == "session.output_audio.fixture.playing": self.fixture = True
        elif t == "session.output_audio.fixture.played": self.fixture = False
        elif t == "session.usage.updated":
            if e["usage"]["seconds"] < self.usage: self._v("usage went down")
            self.usage = e["usage"]["seconds"]
        elif t == "response.event":
            n = e["event"]; r = (n.get("response") or {}).get("id")
            if n["type"] == "response.created": self.running.add(r)
            elif n["type"] in ("response.completed", "response.failed", "response.incomplete"):
                self.running.discard(r)
                if n["type"] == "response.completed" and n["response"].get("output"): self._v("lifecycle snapshot carries output")
                if n["type"] != "response.completed": self.calls = {c: x for c, x in self.calls.items() if x != r}
            elif n["type"] == "response.output_item.done" and n["item"].get("type") == "function_call":
                self.calls[n["item"]["call_id"]] = next(iter(self.running), None)
        elif t == "session.closed": self.ended = True
        elif t == "error" and not self.started: self.ended = True
    def end(self):
        for c in self.calls:
            if not self.answered.get(c): self._v("call never answered", c)
        if self.started and not self.ended: self._v("no session.closed: usage and recording are not final")
        return self.bad
