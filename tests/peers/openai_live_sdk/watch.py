"""Both directions of one session, judged frame by frame as they pass."""
import json
import time

from oracle import CLIENT, SERVER, check_client, check_server
from sequence import Sequence

__all__ = ["CLIENT", "SERVER", "Watch"]


class Watch:
    def __init__(self, lead_ms=1500):
        self.order, self.bad, self.fmt = Sequence(lead_ms), [], "audio/pcm"
        self.free = False  # set while faulty events are sent on purpose
        self.unknown_ok = False  # set where the server sends events of unknown types on purpose
        self.frames, self.client_log, self.server_log = 0, [], []
        self.began, self.audio_ms, self.deepest_hole = None, 0.0, 0.0

    def client(self, data):
        now, event = time.monotonic(), json.loads(data)
        self.frames += 1
        if event["type"] != "session.input_audio.append":
            self.client_log.append((now, event))
        if self.free:
            return event
        if event["type"] == "session.start":
            self.fmt = ((event["session"].get("audio") or {}).get("format") or {}).get("type", self.fmt)
        self.bad += [f"sent {event.get('type')}: {problem}" for problem in check_client(event, fmt=self.fmt)]
        self.order.client(event, now)
        if event["type"] == "session.input_audio.append":
            self.hole(now)
        return event

    def hole(self, now):
        """How far the caller's audio is behind the clock when a piece of it comes, measured from where it was most ahead."""
        behind = (now - self.order.t0) * 1000 - self.order.in_ms
        self.began = behind if self.began is None else min(self.began, behind)
        self.deepest_hole = max(self.deepest_hole, behind - self.began)

    def server(self, data):
        event = json.loads(data)
        self.frames += 1
        if event["type"] != "session.output_audio.delta":
            self.server_log.append((time.monotonic(), event))
        if self.unknown_ok and event["type"] not in SERVER:
            return event
        self.bad += [f"got {event.get('type')}: {problem}" for problem in check_server(event)]
        self.order.server(event)
        return event

    def finish(self, ends=True):
        order = self.order.end() if ends else self.order.bad
        # The first of each rule says it; the others only repeat it.
        first = {rule: f"order: {rule} {detail}" for rule, detail in reversed(order)}
        bad = self.bad + list(first.values())
        assert not bad, "\n  ".join(dict.fromkeys(bad))
