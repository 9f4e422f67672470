"""Servers that refuse, stall, babble or go away without a word: what the service makes of each. A part of judge.py."""
import asyncio
import contextlib
import os
import time
import urllib.request

import numpy as np

import signals
from losses import BINARY, Caller, acquaint, check, in_words, phone_sounds, silences, until
from model import Model
from phone import Phone
from service import Service

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def plain(model, length=1.5):
    """Answers every time, each time with another voice."""
    acquaint(model)
    model.dials, seeds = [], iter(range(5000, 9000))

    def answer(session, event):
        seed = next(seeds)
        voice, words = signals.babble(length, seed, 24000), in_words(seed)
        model.meet(session.caller_id).said.append((session, voice, words))
        return voice, words, None

    async def upgrade(connection, request):
        model.meet(request.headers.get("OpenAI-Safety-Identifier"))
        model.dials.append(time.monotonic())
        return await model.greet(connection) if hasattr(model, "greet") else None

    model.answer, model.upgrade = answer, upgrade


def refusal(code, reason, error=None):
    """An accepted upgrade that is followed by an error and a close, as the live server does it."""

    async def at(session, point):
        if point == "opened":
            if error:
                type_, _, name = error.partition(".")
                await session.send("error", error={"type": type_, "code": name or None, "message": "no", "param": None, "event_id": None})
            await session.socket.close(code, reason)
            await asyncio.Event().wait()

    return {"at": at}


def status(number):
    async def greet(connection):
        return connection.respond(number, "no\n")

    return {"greet": greet}


REFUSALS = [
    ("3000 key", refusal(3000, "invalid_request_error.invalid_api_key", "invalid_request_error.invalid_api_key"), "fatal"),
    ("3000 bare", refusal(3000, "invalid_request_error"), "fatal"),
    ("4000 model", refusal(4000, "invalid_request_error.invalid_model", "invalid_request_error.invalid_model"), "fatal"),
    ("4000 beta", refusal(4000, "invalid_request_error.beta_api_shape_disabled"), "fatal"),
    ("4004", refusal(4004, "invalid_request_error.model_not_found", "invalid_request_error.model_not_found"), "fatal"),
    ("1013 quota", refusal(1013, "insufficient_quota.credit_balance_exhausted", "insufficient_quota.credit_balance_exhausted"), "fatal"),
    ("1013 quota, said before", refusal(1013, "", "insufficient_quota.credit_balance_exhausted"), "fatal"),
    ("1013 other", refusal(1013, "try again later"), "retryable"),
    ("1001", refusal(1001, "going away"), "retryable"),
    ("1011", refusal(1011, ""), "retryable"),
    ("401", status(401), "fatal"),
    ("403", status(403), "fatal"),
    ("404", status(404), "fatal"),
    ("429", status(429), "retryable"),
    ("500", status(500), "retryable"),
    ("503", status(503), "retryable"),
]


@scenario
async def a_refusal_is_taken_for_what_it_is(_):
    """Close codes and statuses: what no try can mend is dialled once, the rest a few times; an apology is heard, and no loop runs."""
    shown = []

    async def one(name, behaviour, expected):
        model = Model()
        plain(model)
        for key, value in behaviour.items():
            setattr(model, key, value)
        service = await Service(BINARY, await model.start(), realtime__failover_patience="3s").ready()
        try:
            caller = Caller(model)
            await caller.ring(service)
            await asyncio.wait_for(caller.running, 25)
            record, _ = await service.record(caller.phone.call_sid)
            dials = len(model.dials)
            wanted = "model_refused" if expected == "fatal" else "model_lost"
            check(record["ending"]["reason"] == wanted, name, record["ending"], dials, "dials")
            check(dials == 1 if expected == "fatal" else 2 <= dials <= 12, name, dials, "dials")
            check(np.abs(caller.phone.heard().astype(int)).max() > 2000, name, "no apology was heard")
            quiet = max(b - a for a, b in silences(caller.phone))
            check(quiet <= 4, name, quiet, "s of silence")
            await asyncio.sleep(1)
            check(len(model.dials) == dials, name, "dials go on after the call")
            shown.append(f"{name} {dials}")
        finally:
            await asyncio.get_running_loop().run_in_executor(None, service.stop)

    for start in range(0, len(REFUSALS), 4):
        await asyncio.gather(*(one(*refused) for refused in REFUSALS[start : start + 4]))
    return "dials: " + ", ".join(shown)


GOES_ON = [
    "conversation_already_has_active_response", "response_cancel_not_active", "input_audio_buffer_commit_empty", "unsupported_content_type",
    "item_truncate_invalid_item_id", "item_delete_invalid_item_id", "item_create_invalid_item_id", "cannot_update_voice", "unknown_parameter",
    "missing_required_parameter", "invalid_value", "string_above_max_length", "invalid_json", "invalid_event", "rate_limit_exceeded", "server_error", "never_heard_of", None,
]
ENDS = ["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "account_deactivated", "invalid_api_key", "model_not_found"]


@scenario
async def an_error_in_a_call_is_taken_for_what_it_is(model):
    """Every code of the reference's table to a session that runs: most change nothing, the last row ends, an expiry is followed by another session."""
    plain(model)
    shared = await Service(BINARY, await model.start()).ready()

    async def told(session, code, type_="invalid_request_error"):
        await session.send("error", error={"type": type_, "code": code, "message": "so it is", "param": None, "event_id": None})

    async def turn(caller, session):
        said = len(caller.said)
        item, _ = await session.caller_begins()
        await asyncio.sleep(0.1)
        await session.caller_ends(item, "and then")
        await until(lambda: len(caller.said) > said, 5, "no answer")
        await caller.quiet()

    try:
        caller = Caller(model)
        await caller.ring(shared)
        await caller.ready()
        await caller.quiet()
        for code in GOES_ON:
            await told(caller.session, code)
        await turn(caller, caller.session)
        check(len(caller.sessions) == 1 and len(caller.session.creates) == 1, len(caller.sessions), "sessions,", len(caller.session.creates), "creates")
        # The end of the hour.
        first = caller.session
        await told(first, "session_expired")
        await first.socket.close(1001, "")
        await until(lambda: len(caller.sessions) == 2 and caller.session.updated.is_set(), 5, "no session after the expiry")
        await turn(caller, caller.session)
        record = await caller.hang_up(shared)
        check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
        check(len(caller.sessions) == 2, len(caller.sessions), "sessions")
    finally:
        await asyncio.get_running_loop().run_in_executor(None, shared.stop)

    async def fatal(code):
        model = Model()
        plain(model)
        service = await Service(BINARY, await model.start()).ready()
        try:
            caller = Caller(model)
            await caller.ring(service)
            await caller.ready()
            await caller.quiet()
            await told(caller.session, code, code if code == "insufficient_quota" else "invalid_request_error")
            await asyncio.wait_for(caller.running, 15)
            record, _ = await service.record(caller.phone.call_sid)
            check(record["ending"]["reason"] == "model_refused" and len(model.dials) == 1, code, record["ending"], len(model.dials))
        finally:
            await asyncio.get_running_loop().run_in_executor(None, service.stop)

    await asyncio.gather(*(fatal(code) for code in ENDS[:3]))
    await asyncio.gather(*(fatal(code) for code in ENDS[3:]))
    return f"{len(GOES_ON)} codes change nothing, {len(ENDS)} end the call undialled, an expiry is followed by a session"


@scenario
async def a_response_that_fails_for_its_rate_is_asked_for_again_and_not_for_ever(model):
    """Fails twice and then speaks; fails for ever: at most four requests, then a recorded word; the call goes on."""
    plain(model)
    answer = model.answer
    model.failing = 0

    async def at(session, point):
        if point == "answering" and model.failing:
            model.failing -= 1
            response, session.active = session.active["id"], None
            error = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Rate limit reached. Please try again in 0.4s."}
            details = {"type": "failed", "error": error}
            await session.send("response.done", response=session.response(response, "failed", [], details))
            raise asyncio.CancelledError

    model.at, model.answer = at, answer
    service = await Service(BINARY, await model.start()).ready()
    try:
        shown = []
        for failures in (2, 100):
            caller = Caller(model)
            await caller.ring(service)
            await caller.ready()
            await caller.quiet()
            session = caller.session
            before, model.failing = len(session.creates), failures
            item, _ = await session.caller_begins()
            await asyncio.sleep(0.1)
            ended = caller.now()
            await session.caller_ends(item, "hello")
            await asyncio.sleep(9)
            creates, model.failing = len(session.creates) - before, 0
            check(creates == 2 if failures == 2 else creates <= 4, "asked", creates, "times after", failures, "failures")
            quiet = max(b - a for a, b in silences(caller.phone, ended)[:1])
            check(quiet <= 4, quiet, "s of silence after", failures, "failures")
            shown.append(f"{failures} failures: {creates} requests, {quiet:.1f} s to the first sound")
            record = await caller.hang_up(service)
            check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
        return "; ".join(shown)
    finally:
        await asyncio.get_running_loop().run_in_executor(None, service.stop)


def rss(service):
    """The service's memory, MB."""
    with open(f"/proc/{service.process.pid}/statm") as it:
        return int(it.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@scenario
async def a_server_that_is_slow_at_anything_leaves_nobody_in_silence(_):
    """The upgrade, session.created, session.updated or the first delta after ten seconds: never more than 4 s without a sound."""
    shown = []

    async def one(name, slow, outlives):
        model = Model()
        plain(model)
        slow(model)
        service = await Service(BINARY, await model.start()).ready()
        try:
            caller = Caller(model)
            await caller.ring(service)
            done, _ = await asyncio.wait([caller.running], timeout=26)
            if outlives:
                check(caller.said and not done, name, "the call did not outlive it")
            await asyncio.sleep(0.1)
            # Behind the greeting it is the caller's turn to say something.
            greeted = signals.best_match(signals.resample(caller.said[0][1], 24000, 8000), caller.phone.heard())[1] / 8000 if caller.said else 1e9
            quiet = max([b - a for a, b in silences(caller.phone) if a < greeted] or [99])
            check(quiet <= 4, name, f"{quiet:.1f} s of silence", silences(caller.phone))
            shown.append(f"{name} {quiet:.1f} s")
            if not done:
                await caller.hang_up(service)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, service.stop)

    def upgrade(model):
        async def greet(connection):
            await asyncio.sleep(10)

        model.greet = greet

    def point(where):
        def slow(model):
            async def at(session, point):
                if point == where and not model.sessions[1:]:
                    await asyncio.sleep(10)

            model.at = at

        return slow

    cases = [("upgrade", upgrade, False), ("created", point("opened"), True), ("updated", point("told"), True), ("first delta", point("answering"), True)]
    await asyncio.gather(*(one(*case) for case in cases))
    return "longest silence: " + ", ".join(shown)


def freeze(session, deaf_only=False):
    """The server neither reads nor writes any more, and its connection stays open."""
    session.frozen = True
    session.socket.transport.pause_reading()
    if not deaf_only:

        async def never(*_, **__):
            await asyncio.Event().wait()

        session.send = never
        session.socket.ping = never


@scenario
async def a_server_that_is_gone_without_a_word_is_found_out(model):
    """Half-open connections and servers that stop reading: idle, in a turn, with an answer owed, in an answer; ≤ 4 s of silence, memory flat."""
    plain(model, 3.0)
    service = await Service(BINARY, await model.start()).ready()
    shown = []
    try:
        async def one(state):
            caller = callers[state]
            await caller.ready()
            await until(lambda: caller.said, 5, "no greeting")
            await caller.quiet()
            # Long enough to have learned that this server answers pings.
            await asyncio.sleep(3)
            first = caller.session
            if state == "answer":
                model.frozen[first] = 5
            if state not in ("idle", "deaf"):
                item, _ = await first.caller_begins()
                await asyncio.sleep(0.3)
            if state == "owed":
                await first.caller_ends(item, "hello", respond=False)
            if state == "answer":
                await first.caller_ends(item, "hello")
                await until(lambda: first not in model.frozen, 5, "nothing was frozen")
            else:
                freeze(first, state == "deaf")
            frozen = caller.now()
            await until(lambda: len(caller.sessions) > 1 and caller.session.updated.is_set(), 12, state, "no other session")
            found = caller.now() - frozen
            if state not in ("idle", "deaf"):
                said = len(caller.said)
                await until(lambda: caller.session.creates, 5, state, "the answer that was owed was not asked for")
                await caller.quiet()
                # One who is speaking goes on for another second before he waits.
                quiet = max(b - a for a, b in silences(caller.phone, frozen + (state == "speaking"))[:-1])
                check(quiet <= 4, state, f"{quiet:.1f} s of silence")
                shown.append(f"{state}: found out after {found:.1f} s, silence {quiet:.1f} s")
            else:
                shown.append(f"{state}: found out after {found:.1f} s")
                check(found <= 6, state, found)
            item, _ = await caller.session.caller_begins()
            await asyncio.sleep(0.1)
            ended = caller.now()
            await caller.session.caller_ends(item, "still there")
            await until(lambda: phone_sounds(caller.phone, ended) is not None, 3, state, "no answer after it")
            await caller.quiet()
            record = await caller.hang_up(service)
            check(record["ending"]["reason"] == "caller_hung_up", state, record["ending"])

        model.frozen = {}

        async def at(session, point):
            if point == "delta" and session in model.frozen:
                model.frozen[session] -= 1
                if not model.frozen[session]:
                    del model.frozen[session]
                    freeze(session)
                    await asyncio.Event().wait()

        model.at = at
        callers, before = {}, rss(service)
        for state in ("idle", "speaking", "owed", "answer", "deaf"):
            callers[state] = Caller(model, pcm=signals.babble(30, 77))
            await callers[state].ring(service)
        await asyncio.gather(*(one(state) for state in callers))
        grown = rss(service) - before
        check(grown < 60, "memory grew by", grown, "MB")
        return "; ".join(shown) + f"; memory +{grown:.0f} MB"
    finally:
        await asyncio.get_running_loop().run_in_executor(None, service.stop)


@scenario
async def odd_messages_are_survived_in_bounded_memory(model):
    """Garbage, binary, events of 5 MB, every message in fragments: the same session goes on; a server that only babbles is replaced."""
    plain(model)
    model.updated_padding = 5_000_000

    def in_pieces(session):
        whole = session.socket.send

        async def send(text, *_):
            await whole([text[n : n + 1000] for n in range(0, len(text), 1000)] or [text])

        session.socket.send = send

    async def at(session, point):
        if point == "opened" and len(model.sessions) == 1:
            in_pieces(session)

    model.at = at
    service = await Service(BINARY, await model.start()).ready()
    try:
        caller = Caller(model)
        await caller.ring(service)
        await caller.ready(15)
        await caller.quiet()
        session, before = caller.session, rss(service)
        for rubbish in ("{", "[]", "null", '{"type":7}', '{"type":"response.done"}', '{"type":"error"}', "\u0000", '{"type":"response.output_audio.delta","delta":"!!"}', b"\x00\xff" * 50):
            await model.raw(session, rubbish)
        for _ in range(8):
            await model.raw(session, '{"type":"something.new","event_id":"x","padding":"' + "x" * 5_000_000 + '"}')
        item, _ = await session.caller_begins()
        await asyncio.sleep(0.1)
        ended = caller.now()
        await session.caller_ends(item, "hello")
        await until(lambda: phone_sounds(caller.phone, ended) is not None, 4, "no answer after it")
        await caller.quiet()
        check(len(caller.sessions) == 1, "another session was opened")
        grown = rss(service) - before
        check(grown < 80, "memory grew by", grown, "MB")
        model.updated_padding = 0
        for _ in range(80):
            with contextlib.suppress(Exception):
                await model.raw(session, "{")
        await until(lambda: len(caller.sessions) == 2 and caller.session.updated.is_set(), 8, "a server that only babbles was kept")
        record = await caller.hang_up(service)
        check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
        return f"one session through all of it, memory +{grown:.0f} MB; 80 times garbage: another session"
    finally:
        await asyncio.get_running_loop().run_in_executor(None, service.stop)


def metric(service, name):
    """The sum of a metric over its labels."""
    with urllib.request.urlopen(service.admin + "/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@scenario
async def a_session_that_waits_spares_the_caller_the_dial(model):
    """Two warm sessions a thread: a call takes one, it is replaced; the dead and the old are let go unnoticed; none is left at the end."""
    plain(model)
    model.created_delay = 0.4  # as far away as a server may be
    meeting, greetings = {}, {}

    async def greet(connection):
        pass

    async def upgrade(connection, request):
        model.dials.append(time.monotonic())

    def answer(session, event):
        voice = signals.babble(1.5, 6000 + len(greetings), 24000)
        greetings[session] = voice
        return voice, "hello", None

    model.upgrade, model.answer = upgrade, answer
    service = await Service(BINARY, await model.start(), realtime__warm_sessions="2", realtime__warm_max_age="10s", server__workers="1").ready()

    async def call():
        phone = Phone()
        running = asyncio.ensure_future(phone.call(service.base, 20))
        await until(lambda: phone.first_sound is not None, 5, "nothing was heard")
        await phone.hang_up()
        await asyncio.wait_for(running, 10)
        await service.record(phone.call_sid)
        return phone.first_sound

    def waiting():
        return [s for s in model.sessions if not s.closed.is_set() and not s.updates and not hasattr(s, "frozen")]
    try:
        await until(lambda: len(waiting()) == 2, 5, "no sessions were kept")
        await asyncio.sleep(0.6)
        check(metric(service, "switchboard_model_warm_sessions") == 2, "the gauge says", metric(service, "switchboard_model_warm_sessions"))
        first = await call()
        await until(lambda: len(waiting()) == 2, 3, "what was taken was not replaced")
        await asyncio.sleep(0.6)
        # Both die; the next call does not notice.
        for session in waiting():
            session.socket.transport.abort()
        dead = await call()
        await until(lambda: len(waiting()) == 2, 5, "what died was not replaced")
        # They wait when they are there, which they are told 0.4 s after their dial.
        await asyncio.sleep(0.6)
        # One that is dead without anybody knowing.
        for session in waiting():
            freeze(session)
        frozen = await call()
        opened = len(model.sessions)
        await asyncio.sleep(12)
        check(len(model.sessions) > opened and len(waiting()) == 2, "the old were not replaced:", len(waiting()))
        last = await call()
        counts = {what: metric(service, f'switchboard_model_warm_total{{what="{what}"}}') for what in ("opened", "taken", "missed", "dead", "old")}
        check(first < 0.35 and last < 0.35, "the caller waited for the dial:", first, last)
        check(not [p for s in model.sessions for p in s.problems], [p for s in model.sessions for p in s.problems][:3])
    finally:
        await asyncio.get_running_loop().run_in_executor(None, service.stop)
    # A server that is about to say that a session is there finds out when it says so.
    await asyncio.sleep(0.3 + model.created_delay)
    check(all(s.closed.is_set() or hasattr(s, "frozen") for s in model.sessions), "sessions were left open")
    return f"first sound after {1000 * first:.0f} and {1000 * last:.0f} ms with a server that takes 400 ms; {1000 * dead:.0f} ms when both had died, {1000 * frozen:.0f} ms with one half-open; {counts}"
