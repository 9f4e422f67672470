"""Independent oracle for GPT-Live primary-WebSocket events, built on the official SDK's types."""
from __future__ import annotations
import base64, json, typing
from pydantic import BaseModel, ValidationError
from openai.types.live import ClientEvent, ServerEvent

def _members(union):
    return {typing.get_args(m.model_fields["type"].annotation)[0]: m
            for m in typing.get_args(typing.get_args(union)[0])}

CLIENT, SERVER = _members(ClientEvent), _members(ServerEvent)
APPENDS = {"session.instructions.append", "session.thinking.append", "session.commentary.append"}
SIDEBAND_ONLY = {"session.input_audio.append", "transport.dtmf.received", "transport.dtmf.send",
                 "transport.dtmf.sent", "transport.ringing", "transport.answered", "transport.failed"}
VOICES = set("alloy ash ballad beacon bossa cedar cinder coral delta echo gleam marin meridian quartz ripple sage shida "
             "shimmer stone tempo verse vesper willow nuri juni flitz brise sillage nira harema noeul".split())

def unknown_keys(m, path="$"):
    if isinstance(m, BaseModel):
        yield from (f"{path}.{k}" for k in (m.model_extra or {}))
        for n in type(m).model_fields:
            yield from unknown_keys(getattr(m, n, None), f"{path}.{n}")
    elif isinstance(m, (list, tuple)):
        for i, v in enumerate(m):
            yield from unknown_keys(v, f"{path}[{i}]")

def _parse(table, o):
    if not isinstance(o, dict) or o.get("type") not in table:
        return None, [f"unknown event type {o.get('type') if isinstance(o, dict) else o!r}"]
    try:
        return table[o["type"]].model_validate(o, strict=True), []
    except ValidationError as e:
        return None, [f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False, include_input=False)]

def _b64(o, key):
    try: return base64.b64decode(o[key], validate=True)
    except Exception: return None

def check_client(o, *, fmt="audio/pcm", fork=False):
    o = json.loads(json.dumps(o))
    m, bad = _parse(FORK if fork else CLIENT, o)
    if m is None: return bad
    # The typed union of Responses input items is loose: judge its keys by hand, not by the walk.
    skip = ("$.item", "$.session.delegation.responses.tools")
    bad += [f"unknown key {p}" for p in unknown_keys(m) if not p.startswith(skip)]
    return bad + list(_rules(o, fmt))

def _rules(o, fmt):
    t = o["type"]
    if t == "session.start":
        s, a = o["session"], o["session"].get("audio") or {}
        f, v = a.get("format"), (a.get("output") or {}).get("voice")
        if f and f["type"] in ("audio/pcmu", "audio/pcma") and f["rate"] != 8000: yield "G.711 is 8000 Hz only"
        if isinstance(v, str) and v not in VOICES: yield f"voice {v!r} is not a Live voice"
        if "client" in s: yield "session.client is for WebRTC"
        items = s.get("input") or []
        if len(items) > 128: yield "more than 128 history messages"
        for n, it in enumerate(items):
            if len(it["content"]) != 1: yield f"input[{n}] needs exactly one part"
        d = s.get("delegation") or {}
        yield from _delegation(d)
    elif t == "session.update":
        if not o["session"]: yield "empty session.update"
        if "delegation" in o["session"]:
            if o["session"]["delegation"] is None: yield "delegation null is immutable_field_update unless client-owned"
            yield from _delegation(o["session"]["delegation"] or {})
    elif t == "session.input_audio.append":
        raw = _b64(o, "audio")
        if raw is None: yield "audio is not base64"
        elif not raw: yield "empty audio"
        elif fmt == "audio/pcm" and len(raw) % 2: yield "odd number of PCM bytes"
    elif t == "session.output_audio.fixture.play":
        raw = _b64(o, "audio")
        if raw is None: yield "audio is not base64"
        elif not raw or len(raw) % 2: yield "fixture must be whole PCM16 samples"
        elif len(raw) > 30 * 48000: yield "fixture longer than 30 s at 24 kHz"
        elif raw[:4] == b"RIFF": yield "fixture carries a WAV header"
    elif t in APPENDS:
        if "delegation_id" not in o: yield "delegation_id key must be present (null allowed)"
        if not o["content"].strip(): yield "blank append"
        if len(o["content"].encode()) > 1400: yield "append near or over 500 tokens"
    elif t == "response.item.create":
        it = o["item"]
        if it.get("type") == "function_call_output":
            if set(it) - {"type", "call_id", "output", "id", "status", "caller", "name", "namespace"}: yield "unknown key in function_call_output"
            if len(json.dumps(it).encode()) > 32768: yield "item over the 32 KiB input buffer"

def _delegation(d):
    r = d.get("responses") or {}
    ms = d.get("acknowledgement_delay_ms")
    if ms is not None and ms < 0: yield "negative acknowledgement_delay_ms"
    if r.get("max_output_tokens") is not None and r["max_output_tokens"] < 16: yield "max_output_tokens below 16"
    for n, tool in enumerate(r.get("tools") or []):
        if tool.get("type") == "function" and set(tool) - {"type", "name", "description", "parameters", "strict"}:
            yield f"tools[{n}] has unknown keys {sorted(set(tool) - {'type','name','description','parameters','strict'})}"

def check_server(o, *, primary=True):
    if isinstance(o, dict) and o.get("type") == "error" and o.get("error", {}).get("code", 0) is None:
        o = {**o, "error": {**o["error"], "code": "null"}}       # seen on the wire, the type says string
    m, bad = _parse(SERVER, o)
    if m is None: return bad
    bad += [f"unknown key {p}" for p in unknown_keys(m)]
    if primary and o["type"] in SIDEBAND_ONLY: bad.append("sideband event on a primary socket")
    if primary and o["type"] == "session.output_audio.delta" and set(o) - {"type", "delta"}: bad.append("primary audio delta carries only type and delta")
    if o["type"].endswith(("_transcript.delta", ".appended")) and o["end_ms"] < o["start_ms"]: bad.append("end before start")
    return bad
