"""Stateful rules: feed every frame of one session in wire order, collect violations."""
import base64

BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}

class SequenceOracle:
    def __init__(self):
        self.bad, self.audio, self.items, self.calls = [], {}, set(), {}
        self.created = self.updated = self.voiced = False
        self.active = None                 # response id, "?" while requested
        self.out_fmt, self.voice, self.pending_updates = "audio/pcm", None, 0

    def _v(self, rule, detail=""): self.bad.append((rule, detail))

    def server(self, e):
        t = e["type"]
        if t == "session.created": self.created = True
        elif t == "session.updated":
            self.updated = True
            out = (e["session"].get("audio") or {}).get("output") or {}
            self.out_fmt = (out.get("format") or {}).get("type", self.out_fmt)
            self.voice = out.get("voice", self.voice)
        elif t == "response.created":
            if e["response"].get("conversation_id") is not None or "conversation_id" not in e["response"]:
                self.active = e["response"]["id"]
        elif t == "response.done":
            if self.active in (e["response"]["id"], "?"): self.active = None
        elif t in ("conversation.item.added", "conversation.item.done"): self.items.add(e["item"]["id"])
        elif t == "conversation.item.deleted": self.items.discard(e["item_id"])
        elif t == "response.output_audio.delta":
            self.voiced = True
            self.items.add(e["item_id"])
            self.audio[e["item_id"]] = self.audio.get(e["item_id"], 0) + len(base64.b64decode(e["delta"]))
        elif t == "response.output_item.done" and e["item"]["type"] == "function_call":
            self.items.add(e["item"].get("id"))
            self.calls.setdefault(e["item"]["call_id"], 0)
        elif t == "error" and self.active == "?": self.active = None

    def client(self, e):
        t = e["type"]
        if not self.created: self._v("client event before session.created", t)
        if t == "session.update":
            out = (e["session"].get("audio") or {}).get("output") or {}
            if self.voiced and out.get("voice") not in (None, self.voice): self._v("voice changed after first audio")
            if self.voiced and "format" in out and out["format"].get("type") != self.out_fmt: self._v("output format changed mid call")
            if "model" in e["session"] and self.updated: self._v("model in a later update")
        elif t == "input_audio_buffer.append":
            if not self.updated: self._v("audio before session.updated")
        elif t == "response.create":
            if (e.get("response") or {}).get("conversation") != "none":
                if self.active: self._v("response.create while a response is active", str(self.active))
                self.active = "?"
        elif t == "response.cancel":
            if not self.active and not e.get("response_id"): self._v("response.cancel with nothing active")
        elif t == "conversation.item.truncate":
            have = self.audio.get(e["item_id"], 0) // BYTES_PER_MS[self.out_fmt]
            if e["item_id"] not in self.audio: self._v("truncate of an item without audio", e["item_id"])
            elif e["audio_end_ms"] > have: self._v("truncate beyond audio", f"{e['audio_end_ms']}>{have}")
            if e["audio_end_ms"] <= 0: self._v("truncate to 0, delete instead")
        elif t == "conversation.item.delete":
            if e["item_id"] not in self.items: self._v("delete of an unknown item", e["item_id"])
        elif t == "conversation.item.create" and e["item"]["type"] == "function_call_output":
            c = e["item"]["call_id"]
            if c not in self.calls: self._v("output for an unknown call", c)
            else:
                self.calls[c] += 1
                if self.calls[c] > 1: self._v("call answered twice", c)

    def end(self):
        for c, n in self.calls.items():
            if n == 0: self._v("call never answered", c)
        return self.bad
