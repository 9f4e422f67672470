"""The oracle tried: a good conversation passes, and every fault that is put into it is reported.

An oracle that accepts everything finds nothing, so this is the first scenario.
"""
import base64
import copy

from oracle import check_client, check_server
from sequence import Sequence

SECOND = base64.b64encode(b"\xff" * 8000).decode()
SESSION = {"id": "live_1", "expires_at": 1_796_000_000, "status": "active", "model": "gpt-live-1.1"}
FUNCTION = {"type": "function", "name": "end_call", "description": "Ends the call.", "parameters": {"type": "object"}, "strict": False}
START = {"type": "session.start", "event_id": "s-1", "session": {
    "model": "gpt-live-1.1", "instructions": "Be kind.", "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}},
    "delegation": {"type": "responses", "acknowledgement_delay_ms": 600, "responses": {"model": "gpt-5.6-luna", "tools": [FUNCTION], "max_output_tokens": 600}},
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]}], "safety_identifier": "hash", "store": False}}


def audio(number):
    return {"type": "session.input_audio.append", "audio": SECOND, "event_id": f"a-{number}"}


def comment(number, **more):
    return {"type": "session.commentary.append", "event_id": f"c-{number}", "content": "Greet the caller.", "delegation_id": None} | more


def nested(event):
    return {"type": "response.event", "event_id": "e", "delegation_id": "deleg_1", "event": event}


def response(status):
    return {"id": "resp_1", "status": status, "output": []}


STARTED = {"type": "session.started", "event_id": "e-1", "client_event_id": "s-1", "session": SESSION}
DELEGATED = {"type": "session.delegation.created", "event_id": "e-2", "offset_ms": 2000,
             "delegation": {"id": "deleg_1", "type": "delegation", "target": "responses", "response_id": "resp_1"}}
CALLED = nested({"type": "response.output_item.done", "output_index": 0, "item": {
    "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "end_call", "arguments": "{}", "status": "completed"}})
OUTPUT = {"type": "response.item.create", "event_id": "o-1", "item": {"type": "function_call_output", "call_id": "call_1", "output": "{}"}}
CREATE = {"type": "response.create", "event_id": "r-1"}
CLOSE = {"type": "session.close", "event_id": "bye"}
CLOSED = {"type": "session.closed", "event_id": "e-9", "client_event_id": "bye", "reason": "close_requested", "usage": {"seconds": 4}, "session": SESSION}

# Who says what, and after how many seconds.
GOOD = [
    ("c", START, 0.0), ("s", STARTED, 0.5), ("c", audio(1), 0.5), ("c", audio(2), 1.5), ("c", comment(1), 1.6), ("s", DELEGATED, 2.0),
    ("s", nested({"type": "response.created", "response": response("in_progress")}), 2.1), ("s", CALLED, 2.2), ("c", OUTPUT, 2.3),
    ("s", nested({"type": "response.completed", "response": response("completed")}), 2.4), ("c", CREATE, 2.5), ("c", audio(3), 2.5),
    ("c", audio(4), 3.5), ("c", CLOSE, 4.0), ("s", CLOSED, 4.1),
]


def order(steps):
    oracle = Sequence()
    for who, event, now in steps:
        (oracle.client if who == "c" else oracle.server)(event, *([now] if who == "c" else []))
    return oracle.end()


def put(index, *steps):
    return GOOD[:index] + list(steps) + GOOD[index:]


def without(index):
    return GOOD[:index] + GOOD[index + 1:]


def client_mode(steps):
    steps = copy.deepcopy(steps)
    steps[0][1]["session"]["delegation"] = {"type": "client"}
    return steps


SEQUENCES = {
    "audio before the start": put(1, ("c", audio(9), 0.1)),
    "an append before audio": put(2, ("c", comment(9), 0.5)),
    "a delegation's id in the wrong mode": put(8, ("c", comment(9, delegation_id="deleg_1"), 2.2)),
    "an unknown delegation": client_mode(GOOD[:5] + [("c", comment(9, delegation_id="deleg_7"), 1.8)] + GOOD[12:]),
    "an order in the wrong mode": client_mode(GOOD[:5] + [("c", CREATE, 1.8)] + GOOD[12:]),
    "a burst": put(4, *(("c", audio(n), 1.5) for n in range(10, 14))),
    "a hole": GOOD[:12] + [(who, event, now + 5) for who, event, now in GOOD[12:]],
    "a create before its output": put(8, ("c", {**CREATE, "event_id": "r-9"}, 2.2)),
    "a create while a response streams": put(9, ("c", {**CREATE, "event_id": "r-9"}, 2.35)),
    "a call that is answered twice": put(9, ("c", {**OUTPUT, "event_id": "o-9"}, 2.35)),
    "the output of an unknown call": put(9, ("c", {**OUTPUT, "event_id": "o-9", "item": {**OUTPUT["item"], "call_id": "call_9"}}, 2.35)),
    "a call that is never answered": without(8),
    "an event after the close": put(14, ("c", audio(9), 4.05)),
    "a second start": put(2, ("c", {**START, "event_id": "s-9"}, 0.5)),
    "another type of delegation": put(5, ("c", {"type": "session.update", "event_id": "u-1", "session": {"delegation": {"type": "client"}}}, 1.7)),
    "an append in a clip": put(4, ("s", {"type": "session.output_audio.fixture.playing", "event_id": "e-5"}, 1.5)),
    "no session.closed": GOOD[:-1],
    "an id used twice": put(4, ("c", audio(1), 1.55)),
}


def changed(event, path, value):
    event = copy.deepcopy(event)
    *parents, last = path.split(".")
    place = event
    for key in parents:
        place = place[int(key) if key.isdigit() else key]
    last = int(last) if last.isdigit() else last
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


CLIENT = {
    "no model": changed(START, "session.model", ...),
    "a flat voice": changed(START, "session.voice", "marin"),
    "turn detection": changed(START, "session.turn_detection", None),
    "a format of the input alone": changed(START, "session.audio.input", {"format": {"type": "audio/pcm", "rate": 24000}}),
    "mu-law at 16 kHz": changed(START, "session.audio.format.rate", 16000),
    "PCM at 8 kHz": changed(START, "session.audio.format", {"type": "audio/pcm", "rate": 8000}),
    "a voice of another product": changed(START, "session.audio.output.voice", "fable"),
    "a message of the system": changed(START, "session.input.0.role", "system"),
    "a nested function": changed(START, "session.delegation.responses.tools.0", {"type": "function", "function": FUNCTION}),
    "an effort there is not": changed(START, "session.delegation.responses.reasoning", {"effort": "max"}),
    "too few tokens": changed(START, "session.delegation.responses.max_output_tokens", 8),
    "a create with a body": {**CREATE, "response": {}},
    "an event of Realtime": {"type": "response.cancel"},
    "empty audio": changed(audio(1), "audio", ""),
    "audio that is not base64": changed(audio(1), "audio", "!"),
    "an append without delegation_id": changed(comment(1), "delegation_id", ...),
    "a blank append": comment(1, content=" "),
    "an append that is too long": comment(1, content="word " * 400),
    "updated instructions": {"type": "session.update", "session": {"instructions": "Be rude."}},
    "a clip that is too long": {"type": "session.output_audio.fixture.play", "audio": base64.b64encode(bytes(31 * 48000)).decode()},
    "an unknown key of an output": changed(OUTPUT, "item.silent", True),
}
DELTA = {"type": "session.output_audio.delta", "delta": SECOND}
SERVER = {
    "a delta with an id": {**DELTA, "event_id": "e"},
    "a delta with times": {**DELTA, "start_ms": 0, "end_ms": 100},
    "an event without an id": changed(STARTED, "event_id", ...),
    "a session without an id": changed(STARTED, "session.id", ...),
    "an unknown reason": changed(CLOSED, "reason", "client_request"),
    "an event of a sideband": {"type": "transport.answered", "event_id": "e", "transport": {"type": "sip"}},
    "an event of Realtime": {"type": "response.done", "event_id": "e"},
}


async def the_oracle_finds_every_fault():
    for who, event, _ in GOOD:
        wrong = check_client(event, fmt="audio/pcmu") if who == "c" else check_server(event)
        assert not wrong, (event, wrong)
    assert not order(GOOD), order(GOOD)
    assert not check_server(DELTA), check_server(DELTA)
    missed = [name for name, steps in SEQUENCES.items() if not order(steps)]
    missed += [f"client: {name}" for name, event in CLIENT.items() if not check_client(event, fmt="audio/pcmu")]
    missed += [f"server: {name}" for name, event in SERVER.items() if not check_server(event)]
    assert not missed, f"not found: {missed}"
    return f"{len(SEQUENCES)} orders, {len(CLIENT)} client events and {len(SERVER)} server events"
