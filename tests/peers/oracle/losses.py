"""Sessions that are lost, expire, refuse or misbehave, and what the caller hears of it: a part of judge.py."""
import asyncio
import itertools
import sys
import time

import numpy as np

import signals
from phone import Phone
from service import Service

BINARY = sys.argv[1]
LONG = "--long" in sys.argv
SCENARIOS = []
NUMBERS = itertools.count(15550110000)


def scenario(work):
    SCENARIOS.append(work)
    return work


def check(condition, *details):
    if not condition:
        raise AssertionError(" ".join(str(d) for d in details))


def p95(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def sounding(heard):
    """Per 10 ms, whether the caller hears anything."""
    whole = heard[: len(heard) // 80 * 80].reshape(-1, 80)
    return np.abs(whole.astype(int)).max(axis=1) > 150


def silences(phone, since=0.0):
    """The silences of the call, (from, to) in seconds on its clock, that reach beyond `since`; of 60 ms and more."""
    loud, found, began = sounding(phone.heard()), [], None
    for n, is_loud in enumerate(loud):
        if is_loud:
            if began is not None and n - began >= 6 and n / 100 > since:
                found.append((max(began / 100, since), n / 100))
            began = None
        elif began is None:
            began = n
    if began is not None and len(loud) / 100 > since:
        found.append((max(began / 100, since), len(loud) / 100))
    return found


async def until(what, seconds, *details):
    """Waits for `what()` to be true."""
    end = time.monotonic() + seconds
    while not what():
        check(time.monotonic() < end, *details)
        await asyncio.sleep(0.01)


class Caller:
    """One call whose sessions are told from those of others by the hash of its number."""

    def __init__(self, model, **phone):
        self.model, self.phone = model, Phone(**phone)
        self.phone.number = f"+{next(NUMBERS)}"
        self.identity, self.said = None, []  # (voice, words) of every answer the model gave

    @property
    def sessions(self):
        return [s for s in self.model.sessions if s.caller_id == self.identity]

    @property
    def session(self):
        return self.sessions[-1]

    def now(self):
        return time.monotonic() - self.phone.began

    async def ring(self, service, hold=60):
        # One after the other: who dials next is this one.
        self.model.expected.append(self)
        self.running = asyncio.ensure_future(self.phone.call(service.base, hold))
        await until(lambda: self.identity or self.running.done(), 10, "the model was not dialled")

    async def ready(self, seconds=8):
        await until(lambda: self.sessions and self.session.updated.is_set() and not self.session.closed.is_set(), seconds, "no session was configured")

    async def quiet(self, seconds=10):
        """All that was sent has been played."""
        since, looks = [None], [0]

        def still():
            quiet = not self.phone.queue and not any(s.active for s in self.sessions[-1:] if not s.closed.is_set())
            since[0] = (since[0] or time.monotonic()) if quiet else None
            looks[0] = looks[0] + 1 if quiet else 0
            # Looked at often: a process that was held up has seen nothing.
            return quiet and time.monotonic() - since[0] > 0.35 and looks[0] > 20

        await until(still, seconds, "the agent does not stop")

    async def hang_up(self, service):
        await self.phone.hang_up()
        await asyncio.wait_for(self.running, 10)
        record, _ = await service.record(self.phone.call_sid)
        return record


def acquaint(model):
    """Sessions are known by the number's hash: a caller is the next unknown one that arrives."""
    model.callers, model.expected = {}, []

    def meet(identity):
        if identity not in model.callers:
            caller = model.expected.pop(0)
            caller.identity, model.callers[identity] = identity, caller
        return model.callers[identity]

    model.meet = meet


def in_words(number):
    """Sixteen letters a second, as people speak: two letters and a space for each 200 ms."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join(letters[(number + n) % 26] + letters[n % 26] for n in range(40))


STATES = ["dialling", "opened", "told", "asked", "greeting", "idle", "speaking", "turn_end", "waiting", "first_delta", "mid_answer", "late_answer", "tool", "tool_result", "goodbye"]
LENGTH = 3.0


def fragile(model):
    """Drops each caller's first session at the state that its caller is to lose it in."""
    acquaint(model)
    voices = itertools.count(1000)

    def lose(session_or_socket, caller):
        caller.dropped = time.monotonic()
        caller.done = True
        transport = getattr(session_or_socket, "socket", session_or_socket).transport
        transport.abort()

    async def at(session, point):
        caller = model.meet(session.caller_id)
        session.of = caller
        if caller.done:
            return
        deltas = session.deltas = getattr(session, "deltas", 0) + (point == "delta")
        if point == "answering":
            deltas = session.deltas = 0
        greeting, answer = session.responses == 1, session.responses == 2
        due = {
            "opened": point == "opened",
            "told": point == "told",
            "asked": greeting and point == "answering",
            "greeting": greeting and point == "delta" and deltas == 4,
            "waiting": answer and point == "answering",
            "first_delta": answer and point == "delta" and deltas == 1,
            "mid_answer": answer and point == "delta" and deltas == caller.part,
            "late_answer": answer and point == "delta" and deltas == 14,
            "tool": answer and point == "called",
            "goodbye": answer and point == "called",
        }
        if due.get(caller.state):
            lose(session, caller)
            # Nothing follows.
            await asyncio.Event().wait()

    async def upgrade(connection, request):
        caller = model.meet(request.headers.get("OpenAI-Safety-Identifier"))
        if caller.state == "dialling" and not caller.done:
            lose(connection, caller)

    def answer(session, event):
        caller = session.of
        seed = next(voices)
        voice, words = signals.babble(LENGTH if session.responses else 1.5, seed, 24000), in_words(seed)
        caller.said.append((session, voice, words))
        call = None
        if len(caller.sessions) == 1 and session.responses == 1:
            call = {"tool": ("look", "{}"), "tool_result": ("look", "{}"), "goodbye": ("end_call", "{}")}.get(caller.state)
        return (voice, words, call)

    model.at, model.upgrade, model.answer, model.lose = at, upgrade, answer, lose


async def lose_once(model, service, caller):
    """Runs one call, loses its session where it is to be lost, and goes on talking. Gives what judges it, once no phone listens any more."""
    phone, state = caller.phone, caller.state
    in_setup = state in ("dialling", "opened", "told")
    if not in_setup:
        await caller.ready()
    if state not in ("asked", "greeting") and not in_setup:
        await until(lambda: caller.said, 5, "no greeting was asked for")
        await caller.quiet()
    first = caller.sessions[0] if caller.sessions else None
    if state == "idle":
        model.lose(first, caller)
    elif not in_setup and state not in ("asked", "greeting"):
        item, _ = await first.caller_begins()
        await asyncio.sleep(0.4)
        if state == "speaking":
            model.lose(first, caller)
        elif state == "turn_end":
            await first.caller_ends(item, None, respond=False)
            model.lose(first, caller)
        else:
            await first.caller_ends(item, "what do you have")
        if state == "tool_result":
            # The result has come and the answer to it has not begun.
            await until(lambda: first.outputs, 6, "the tool was not answered")
            model.lose(first, caller)
    await until(lambda: caller.done, 8, "the session was not lost")
    lost_at = max(0.0, caller.dropped - phone.began) if hasattr(phone, "began") else 0.0
    # A connection that breaks may take the tool call with it that was sent last: then nobody has asked for an end.
    def unsaid():
        return caller.session is not first and caller.session.creates

    if state == "goodbye":
        await until(lambda: caller.running.done() or unsaid(), 20, "neither an end nor another session")
    if state == "goodbye" and not unsaid():
        record, _ = await service.record(phone.call_sid)
        check(record["ending"]["reason"] == "agent_hung_up", state, record["ending"])

        def whole():
            match, _ = signals.best_match(signals.resample(caller.said[-1][1], 24000, 8000), phone.heard())
            check(match >= 0.98, "the goodbye was cut:", match)

        return whole
    before = len(caller.said)
    await until(lambda: caller.sessions and caller.session is not first and caller.session.updated.is_set(), 8, state, "no other session")
    second, gap = caller.session, None
    if state == "idle":
        gap = caller.now() - lost_at
        await asyncio.sleep(0.5)
        check(not second.creates, "an answer that nobody asked for", second.creates)
    else:
        await until(lambda: second.creates, 6, state, "was owed an answer and did not get it")
    await asyncio.sleep(0.2)
    await caller.quiet()
    check(len(second.creates) <= 1, state, "was answered", len(second.creates), "times")
    before_the_next = caller.now()
    # And on it goes.
    item, _ = await second.caller_begins()
    await asyncio.sleep(0.2)
    await second.caller_ends(item, "and besides")
    await asyncio.sleep(0.3)
    await caller.quiet()
    record = await caller.hang_up(service)
    check(record["ending"]["reason"] == "caller_hung_up", state, record["ending"])
    problems = [p for s in caller.sessions for p in s.problems + [str(b) for b in s.judge.bad if "unknown call" not in b[0] and "answered twice" not in b[0]]]
    check(not problems, state, problems[:3])
    check(not phone.problems, state, phone.problems[:3])

    def judge():
        """The gap in the caller's ear."""
        match, _ = signals.best_match(signals.resample(caller.said[-1][1], 24000, 8000), phone.heard())
        check(match >= 0.97, state, "the answer after the loss was not heard:", match)
        known(caller, first, second, before)
        if gap is not None:
            return gap
        found = silences(phone, lost_at)
        # The silence behind the answer is the caller's to break.
        return max([end - begin for begin, end in found if begin < before_the_next - 0.6 and end < before_the_next] or [0.0])

    return judge


def known(caller, first, second, before):
    """What was heard is in the new session's context, what was not heard is not, and each once."""
    texts = [(t["role"], t["content"][0].get("text", "")) for t in second.texts if t.get("type") == "message"]
    told = " ".join(text for role, text in texts if role == "assistant")
    for session, voice, words in caller.said[:before]:
        if session is not first:
            continue
        sent = [n for n in range(40) if n * 4800 < len(voice)]
        whole, _ = signals.best_match(signals.resample(voice, 24000, 8000), caller.phone.heard())
        if whole > 0.98:
            check(" ".join(words.split()[: len(sent) - 3]) in told, caller.state, "heard and forgotten:", words[:48], "known:", told[:160])
            continue
        part = heard_part(voice, caller.phone.heard())
        check(" ".join(words.split()[: max(0, part - 2)]) in told, caller.state, f"{part} words heard and forgotten:", words[:48], "known:", told[:160])
        check(" ".join(words.split()[: part + 4]) not in told, caller.state, f"{part} words heard, more are taken for heard:", told[-160:])


def heard_part(voice, heard):
    """How many pieces of 200 ms, from its beginning, were heard of a voice."""
    voice, n = signals.resample(voice, 24000, 8000), 0
    while (n + 1) * 1600 <= len(voice) and signals.best_match(voice[n * 1600 : (n + 1) * 1600], heard)[0] > 0.95:
        n += 1
    return n


async def slow_tool():
    """An operator's tool that takes half a second."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"stock": 4}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = {"tools__look__url": f"http://127.0.0.1:{port}/", "tools__look__description": "look", "tools__look__allowed_private": '["127.0.0.1"]', "agents__default__tools": '["end_call","look"]'}
    return server, settings


@scenario
async def a_call_outlives_its_session_wherever_that_is_lost(model):
    """Every state, forty-five losses (500 with --long): 99 % survive, p95 of the gap ≤ 1.5 s, what was heard is known, nothing is said twice."""
    fragile(model)
    server, settings = await slow_tool()
    service = await Service(BINARY, await model.start(), **settings).ready()
    rounds = 500 // len(STATES) + 1 if LONG else 3
    gaps, failed, survived = {}, [], 0
    try:
        tasks = [(state, n) for n in range(rounds) for state in STATES]
        for start in range(0, len(tasks), 8):
            calls = []
            for state, n in tasks[start : start + 8]:
                caller = Caller(model)
                caller.state, caller.part, caller.done = state, 2 + n % 11, False
                await caller.ring(service)
                calls.append(asyncio.ensure_future(lose_once(model, service, caller)))
            for (state, n), result in zip(tasks[start : start + 8], await asyncio.gather(*calls, return_exceptions=True)):
                try:
                    if isinstance(result, BaseException):
                        raise result
                    gap = result()
                except (Exception, asyncio.CancelledError) as problem:
                    failed.append((state, n, f"{type(problem).__name__}: {problem}"))
                else:
                    survived += 1
                    if gap is not None:
                        gaps.setdefault(state, []).append(gap)
        for failure in failed[:12]:
            print("     ", failure, flush=True)
        everyone = [gap for of_state in gaps.values() for gap in of_state]
        shown = ", ".join(f"{state} {1000 * max(of_state):.0f}" for state, of_state in gaps.items())
        check(survived >= 0.99 * len(tasks), survived, "of", len(tasks), "survived; gaps", shown)
        check(p95(everyone) <= 1.5, "gap p95", p95(everyone), shown)
        return f"{survived} of {len(tasks)} losses survived, gap {1000 * float(np.median(everyone)):.0f} ms at the median, {1000 * p95(everyone):.0f} at p95; worst by state: {shown}"
    finally:
        service.stop()
        server.close()


@scenario
async def a_session_that_expires_is_replaced_and_nobody_hears_it(model):
    """Sessions of nine seconds under calls of thirty: in quiet, in an answer and in a caller's turn; p95 of the added silence ≤ 300 ms."""
    acquaint(model)
    model.lifetime = 9
    voices = itertools.count(3000)
    expired = []

    async def at(session, point):
        if point != "opened":
            return
        session.of = model.meet(session.caller_id)
        session.died = False

        async def expire():
            await asyncio.sleep(model.lifetime)
            if not session.closed.is_set():
                session.died = True
                expired.append(session)
                await session.send("error", error={"type": "invalid_request_error", "code": "session_expired", "message": "Your session hit the maximum duration of 60 minutes.", "param": None, "event_id": None})
                await session.socket.close(1001, "")

        model.spawn(expire())

    def answer(session, event):
        caller, seed = session.of, next(voices)
        voice, words = signals.babble(caller.length if session.of.said else 1.5, seed, 24000), in_words(seed)
        caller.said.append((session, voice, words))
        return voice, words, None

    model.at, model.answer = at, answer
    calls, added, answered, rotations = (40 if LONG else 12), [], [], 0

    async def one(n, caller):
        await caller.ready()
        waits = []
        while caller.now() < 30:
            await caller.quiet(15)
            await asyncio.sleep((0.2, 1.5)[n % 2])
            session = await in_use(caller)
            item, _ = await session.caller_begins()
            await asyncio.sleep(0.2)
            said, ended = len(caller.said), caller.now()
            following = await in_use(caller)
            if following is session:
                await session.caller_ends(item, f"turn {said}")
            else:
                # Replaced in the middle of the turn: the next one has to be asked, unless it hears the turn itself.
                await asyncio.sleep(1.5)
                if len(caller.said) == said:
                    item, _ = await following.caller_begins()
                    await asyncio.sleep(0.1)
                    await following.caller_ends(item, f"turn {said}")
            await until(lambda: len(caller.said) > said, 5, "a turn was not answered at", ended)
            await until(lambda: phone_sounds(caller.phone, ended) is not None, 3, "the answer is not heard at", ended)
            waits.append((round(ended, 2), round(phone_sounds(caller.phone, ended) - ended, 2), caller.sessions.index(session), said))
        await caller.quiet(15)
        record = await caller.hang_up(service)
        check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
        return caller, waits

    def judge(caller, waits):
        """Once all calls are over: it takes its time, and no phone is to hear late for it."""
        nonlocal rotations
        heard = caller.phone.heard()
        for n, (session, voice, _) in enumerate(caller.said):
            match = signals.best_match(signals.resample(voice, 24000, 8000), heard)[0]
            check(match > 0.97, "answer", n, "of session", caller.sessions.index(session), "was torn:", match, waits)
        check(len(caller.sessions) >= 4, "only", len(caller.sessions), "sessions")
        rotations += len(caller.sessions) - 1
        added.extend(continuity(caller))
        answered.extend(wait for _, wait, _, _ in waits)
        problems = [p for s in caller.sessions for p in s.problems]
        check(not problems, problems[:3])

    service = await Service(BINARY, await model.start(), realtime__rotate_before="4s", realtime__rotate_latest="1s").ready()
    try:
        running = []
        for n in range(calls):
            caller = Caller(model, pcm=signals.babble(60, 4000 + n))
            caller.length = (0.5, 2.5, 6.0)[n % 3]
            await caller.ring(service, 90)
            running.append(asyncio.ensure_future(one(n, caller)))
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        failures = [o for o in outcomes if isinstance(o, BaseException)]
        check(not failures, len(failures), "of", calls, "failed:", failures[:4])
        for outcome in outcomes:
            judge(*outcome)
        check(not expired, len(expired), "sessions ran into their end")
        check(p95(added) <= 0.3, "added silence p95", p95(added))
        return f"{calls} calls, {rotations} rotations, none too late; the caller's audio interrupted for {1000 * float(np.median(added)):.0f} ms at the median, {1000 * p95(added):.0f} at p95, answers after {1000 * float(np.median(answered)):.0f} ms at the median, {1000 * p95(answered):.0f} at p95, each whole"
    finally:
        service.stop()


async def in_use(caller):
    """The session that is fed the caller's audio."""
    while True:
        before = {id(s): len(s.caller) for s in caller.sessions}
        await asyncio.sleep(0.1)
        fed = [s for s in caller.sessions if len(s.caller) > before.get(id(s), 0)]
        if fed and not fed[-1].closed.is_set():
            return fed[-1]


def phone_sounds(phone, since):
    """When the caller first hears something after `since`, on the call's clock; None while not."""
    loud = sounding(phone.heard()[int(since * 8000) :])
    return since + float(np.argmax(loud)) / 100 if loud.any() else None


def continuity(caller):
    """For each change of session, how much of the caller's audio neither of the two has heard, in seconds."""
    lost, spoken = [], caller.phone.pcm
    pieces = []
    for session in caller.sessions:
        pcm = signals.resample(np.frombuffer(bytes(session.caller), dtype="<i2"), 24000, 8000)
        if len(pcm) < 4000:
            continue
        head, tail = pcm[400:2400], pcm[-2400:-400]
        first, last = signals.best_match(head, spoken), signals.best_match(tail, spoken)
        if first[0] > 0.9 and last[0] > 0.9:
            pieces.append((first[1] - 400, last[1] + 2400))
    for (_, end), (begin, _) in zip(pieces, pieces[1:]):
        lost.append(max(0.0, (begin - end) / 8000))
    return lost
