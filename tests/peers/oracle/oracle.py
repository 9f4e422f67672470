"""Independent oracle for OpenAI Realtime (GA) events, built on the official SDK's types."""
from __future__ import annotations
import base64, json, typing
from pydantic import BaseModel, TypeAdapter, ValidationError
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.response_item_reference import ResponseItemReference

def _members(union) -> dict[str, type[BaseModel]]:
    inner = typing.get_args(union)[0]                       # Annotated[Union[...], PropertyInfo]
    return {typing.get_args(m.model_fields["type"].annotation)[0]: m for m in typing.get_args(inner)}

CLIENT = _members(RealtimeClientEvent)
SERVER = _members(RealtimeServerEvent)

# Fields the live server sends that the published types do not declare.
SERVER_EXTRA_OK = {"obfuscation", "object", "id", "expires_at", "phase"}

def unknown_keys(m, path="$"):
    if isinstance(m, BaseModel):
        for k in (m.model_extra or {}):
            yield f"{path}.{k}"
        for n in type(m).model_fields:
            yield from unknown_keys(getattr(m, n, None), f"{path}.{n}")
    elif isinstance(m, (list, tuple)):
        for i, v in enumerate(m):
            yield from unknown_keys(v, f"{path}[{i}]")

def _parse(table, obj, what):
    if not isinstance(obj, dict) or not isinstance(obj.get("type"), str):
        return None, [f"{what}: not an object with a string `type`"]
    cls = table.get(obj["type"])
    if cls is None:
        return None, [f"{what}: unknown event type {obj['type']!r}"]
    try:
        return cls.model_validate(obj, strict=True), []
    except ValidationError as e:
        return None, [f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False, include_input=False)]

def check_server(obj):
    m, errs = _parse(SERVER, obj, "server")
    if m is not None:
        errs += [f"unknown key {p}" for p in unknown_keys(m) if p.rsplit(".", 1)[-1] not in SERVER_EXTRA_OK]
    return errs

def check_client(obj):
    obj = json.loads(json.dumps(obj))
    errs = []
    if obj.get("type") == "response.create" and isinstance((obj.get("response") or {}).get("input"), list):
        keep = []
        for i, it in enumerate(obj["response"]["input"]):    # the response type lacks item_reference here
            if isinstance(it, dict) and it.get("type") == "item_reference":
                try:
                    errs += [f"unknown key {p}" for p in unknown_keys(ResponseItemReference.model_validate(it, strict=True), f"$.response.input[{i}]")]
                except ValidationError as e:
                    errs.append(f"response.input[{i}]: {e.errors()[0]['msg']}")
            else:
                keep.append(it)
        obj["response"]["input"] = keep
    m, e2 = _parse(CLIENT, obj, "client")
    errs += e2
    if m is not None:
        errs += [f"unknown key {p}" for p in unknown_keys(m)]
        errs += list(_semantic(obj))
    return errs

VOICES = {"alloy","ash","ballad","coral","echo","sage","shimmer","verse","marin","cedar"}

def _fmt(f, where):
    if not isinstance(f, dict): return
    if "type" not in f: yield f"{where}.type is required by the server"
    if f.get("type") == "audio/pcm" and f.get("rate") != 24000: yield f"{where}.rate must be 24000 for audio/pcm"

def _range(v, lo, hi, where):
    if isinstance(v, (int, float)) and not isinstance(v, bool) and not lo <= v <= hi:
        yield f"{where}={v} outside {lo}..{hi}"

def _semantic(o):
    """Server rules that the types do not carry."""
    t = o["type"]
    if len(o.get("event_id") or "") > 512: yield "event_id longer than 512"
    cfg = o.get("session") if t == "session.update" else o.get("response") if t == "response.create" else None
    if cfg:
        a = cfg.get("audio") or {}
        i, out = a.get("input") or {}, a.get("output") or {}
        yield from _fmt(i.get("format"), "audio.input.format")
        yield from _fmt(out.get("format"), "audio.output.format")
        yield from _range(out.get("speed"), 0.25, 1.5, "audio.output.speed")
        if isinstance(out.get("voice"), str) and out["voice"] not in VOICES: yield f"voice {out['voice']!r} is not built in"
        if isinstance(cfg.get("max_output_tokens"), int): yield from _range(cfg["max_output_tokens"], 1, 4096, "max_output_tokens")
        if len(cfg.get("output_modalities") or []) == 2: yield "output_modalities must be [audio] or [text], not both"
        if cfg.get("conversation") not in (None, "auto", "none"): yield "conversation must be auto or none"
        md = cfg.get("metadata") or {}
        if len(md) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in md.items()): yield "metadata over 16 pairs / 64 / 512"
        td = i.get("turn_detection") or {}
        yield from _range(td.get("threshold"), 0, 1, "turn_detection.threshold")
        yield from _range(td.get("idle_timeout_ms"), 5000, 30000, "turn_detection.idle_timeout_ms")
        for n, tool in enumerate(cfg.get("tools") or []):
            if tool.get("type") == "function" and not tool.get("name"): yield f"tools[{n}].name missing"
        tr = cfg.get("truncation")
        if isinstance(tr, dict): yield from _range(tr.get("retention_ratio"), 0, 1, "truncation.retention_ratio")
    if t == "input_audio_buffer.append":
        try:
            raw = base64.b64decode(o["audio"], validate=True)
            if not raw: yield "empty audio"
            if len(raw) > 15 * 1024 * 1024: yield "append over 15 MiB"
        except Exception:
            yield "audio is not valid base64"
    if t == "conversation.item.truncate":
        if o["audio_end_ms"] < 0: yield "audio_end_ms negative"
        if o["content_index"] < 0: yield "content_index negative"
    if t == "conversation.item.create":
        it = o["item"]
        for k in ("id", "call_id"):
            if len(it.get(k) or "") > 32: yield f"item.{k} longer than 32"
        for n, c in enumerate(it.get("content") or []):
            if not c.get("type"): yield f"item.content[{n}].type missing"
            if it.get("role") == "assistant" and c.get("type") == "output_audio": yield "assistant audio cannot be populated by the client"
        if it.get("type") == "function_call_output" and not it.get("call_id"): yield "call_id missing"

def json_schema(union_table):
    """Closed (additionalProperties:false) JSON Schema per event type, usable from any language."""
    def close(n):
        if isinstance(n, dict):
            if n.get("type") == "object" and "properties" in n: n["additionalProperties"] = False
            for v in n.values(): close(v)
        elif isinstance(n, list):
            for v in n: close(v)
        return n
    return {t: close(TypeAdapter(c).json_schema()) for t, c in union_table.items()}
