"""Whole calls of the built service with the rehearsal model, through a proxy that records every frame of both directions.

The proxy judges each frame of our client by the SDK's types and the oracle of the order. The call is the binary's own simulated
phone. Each scenario says what the model's side must have seen.
"""
import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import tempfile
import time
import urllib.request

import websockets

import watch

# The deepest hole in the caller's audio, on a machine that runs its timers in time: the patience for late audio, and what words had
# run ahead, which is won back in silence.
DEEPEST_HOLE_MS = 250


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    """Stands between the service and the model, and watches each session."""

    def __init__(self, upstream):
        self.upstream, self.sessions, self.headers, self.paths, self.late_ms = upstream, [], [], [], 0.0

    async def __aenter__(self):
        self.server = await websockets.serve(self.session, "127.0.0.1", 0, max_size=None, compression=None)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/v1/live/sessions"
        self.beats = asyncio.ensure_future(self.beat())
        return self

    async def __aexit__(self, *_):
        self.beats.cancel()
        self.server.close()
        await self.server.wait_closed()

    async def beat(self):
        """How late this process's timers are: a busy machine makes frames arrive late that were sent in time."""
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self.late_ms = max(self.late_ms, (time.monotonic() - due) * 1000)

    async def session(self, client):
        seen = watch.Watch(lead_ms=2500)
        self.sessions.append(seen)
        self.headers.append(dict(client.request.headers))
        self.paths.append(client.request.path)
        async with websockets.connect(self.upstream, max_size=None, compression=None) as server:
            async def up():
                async for data in client:
                    if not isinstance(data, str):
                        seen.bad.append("a binary frame from the client")
                        continue
                    seen.client(data)
                    await server.send(data)

            async def down():
                async for data in server:
                    seen.server(data)
                    await client.send(data)

            ends = [asyncio.ensure_future(up()), asyncio.ensure_future(down())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            # The model's last words after a close are still passed on, and a lost side is lost for the other too.
            await asyncio.wait(ends, timeout=1)
            for end in ends:
                end.cancel()
            for end in await asyncio.gather(*ends, return_exceptions=True):
                if isinstance(end, Exception) and not isinstance(end, websockets.ConnectionClosed):
                    seen.bad.append(f"proxy: {end!r}")


@contextlib.asynccontextmanager
async def service(binary, url, **settings):
    """The built service with a model at `url`; gives its voice webhook and the folder of its records."""
    with tempfile.TemporaryDirectory(prefix="switchboard-peer-") as home:
        port, admin = free_port(), free_port()
        base = f"http://127.0.0.1:{port}"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SWITCHBOARD", "TWILIO", "OPENAI", "WAYBEO"))}
        env |= {
            "OPENAI_API_KEY": "sk-not-a-key",
            "SWITCHBOARD__SERVER__BIND": f"127.0.0.1:{port}",
            "SWITCHBOARD__SERVER__PUBLIC_URL": base,
            "SWITCHBOARD__ADMIN__BIND": f"127.0.0.1:{admin}",
            "SWITCHBOARD__TWILIO__VERIFY": "off",
            "SWITCHBOARD__RECORDS__DIR": os.path.join(home, "calls"),
            "SWITCHBOARD__REALTIME__PROVIDER": "openai_live",
            "SWITCHBOARD__REALTIME__URL": url,
            "SWITCHBOARD__REALTIME__MODEL": "gpt-live-1.1",
        }
        env |= {f"SWITCHBOARD__{key.upper()}": str(value) for key, value in settings.items()}
        with open(os.path.join(home, "log"), "w+") as log:
            process = await asyncio.create_subprocess_exec(binary, "serve", cwd=home, env=env, stdout=log, stderr=log)
            try:
                for _ in range(150):
                    with contextlib.suppress(OSError):
                        urllib.request.urlopen(base + "/health", timeout=1).close()
                        break
                    if process.returncode is not None:
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError("the service does not answer /health")
                if process.returncode is not None:
                    log.seek(0)
                    raise AssertionError("the service left: " + log.read()[-3000:])
                yield base + "/twilio/voice", pathlib.Path(home, "calls")
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                    await asyncio.wait_for(process.wait(), 40)


async def call(binary, webhook, records, *arguments):
    """One call of the simulated phone. Returns its summary and the call's record."""
    phone = await asyncio.create_subprocess_exec(
        binary, "call", "--url", webhook, "--longest", "60s", "--json", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(phone.communicate(), 90)
    assert phone.returncode == 0, err.decode()[-2000:] + out.decode()[-2000:]
    summary = json.loads(out)
    for _ in range(100):
        found = list(records.glob(f"call_{summary['call_sid']}_*_transcript.json"))
        if found:
            return summary, json.loads(found[0].read_text())
        await asyncio.sleep(0.1)
    raise AssertionError(f"no record of {summary['call_sid']}")


def kinds(seen):
    return [event["type"] for _, event in seen.client_log]


def at(log, kind):
    return next(time_ for time_, event in log if event["type"] == kind)


async def judged(proxy, seen, ends=True):
    """What holds for every session of our client. The record may be there before the session has ended: it stays open for the last words."""
    for _ in range(60):
        if not ends or seen.order.ended:
            break
        await asyncio.sleep(0.05)
    # The phone, the service and this process are each as late as the machine makes them.
    most = DEEPEST_HOLE_MS + 3 * proxy.late_ms
    assert seen.deepest_hole <= most, f"a hole of {seen.deepest_hole:.0f} ms in the caller's audio, at most {most:.0f}"
    seen.finish(ends)
    assert kinds(seen)[0] == "session.start", kinds(seen)
    missing = [event for _, event in seen.client_log if not event.get("event_id")]
    assert not missing, f"without event_id, neither acks nor errors can be matched: {missing[:3]}"
    if ends:
        assert kinds(seen)[-1] == "session.close", kinds(seen)
        errors = [event for _, event in seen.server_log if event["type"] == "error"]
        assert not errors, errors
    return f"{seen.frames} frames, deepest hole {seen.deepest_hole:.0f} ms (timers late by {proxy.late_ms:.0f} ms)"


async def a_call_is_greeted_answered_and_closed(binary, model):
    async with Proxy(model) as proxy, service(binary, proxy.url) as (webhook, records):
        summary, record = await call(binary, webhook, records, "--say", "en")
        (seen,) = proxy.sessions
        told = await judged(proxy, seen)
        assert proxy.paths == ["/v1/live/sessions"] and proxy.headers[0].get("authorization", proxy.headers[0].get("Authorization")) == "Bearer sk-not-a-key", (proxy.paths, proxy.headers)
        greeted = min(t for t, e in seen.client_log if e["type"] in ("session.commentary.append", "session.instructions.append"))
        assert greeted - at(seen.server_log, "session.started") < 1, "the greeting is ordered at once"
        agent = [entry for entry in record["conversation"] if entry["speaker"] == "assistant" and entry["heard"]]
        assert len(agent) >= 2 and agent[1]["heard"].startswith("[the caller's own words"), agent
        return told


async def the_line_is_passed_through_in_g711(binary, model):
    async with Proxy(model) as proxy, service(binary, proxy.url, realtime__audio_format="g711") as (webhook, records):
        await call(binary, webhook, records, "--say", "hi")
        (seen,) = proxy.sessions
        start = seen.client_log[0][1]
        assert start["session"]["audio"]["format"] == {"type": "audio/pcmu", "rate": 8000}, start["session"]["audio"]
        return await judged(proxy, seen)


async def keys_call_tools_and_the_goodbye_is_heard(binary, model):
    tools = '["save_answer", "end_call", "switch_language"]'
    async with Proxy(model) as proxy, service(binary, proxy.url, agents__default__tools=tools) as (webhook, records):
        _, record = await call(binary, webhook, records, "--say", "nothing", "--dtmf", "5s:3,12s:2,20s:9", "--hangup-after", "45s")
        told = ", ".join([await judged(proxy, seen) for seen in proxy.sessions])
        assert record["answers"] == {"answer": "rehearsed"}, record["answers"]
        assert [switch["to"] for switch in record["language_switches"]] == ["hi"], record["language_switches"]
        assert record["ending"]["reason"] == "agent_hung_up", record["ending"]
        sent = [event for seen in proxy.sessions for _, event in seen.client_log]
        outputs = [e for e in sent if e["type"] == "response.item.create" and e["item"]["type"] == "function_call_output"]
        assert len(outputs) == len(record["tools"]) == 3, (outputs, record["tools"])
        # The language's own goodbye is ordered after its tool, and heard.
        goodbye = record["conversation"][-1]
        assert goodbye["speaker"] == "assistant" and goodbye["heard"] == goodbye["text"], record["conversation"]
        assert goodbye["timestamp"] > record["tools"][-1]["timestamp"], record
        return told


async def the_caller_interrupts_and_the_model_is_told(binary, model):
    settings = {"interruption__policy": "immediate"}
    async with Proxy(model + "?rehearse=answer_ms:15000,talk_on:1") as proxy, service(binary, proxy.url, **settings) as (webhook, records):
        summary, record = await call(binary, webhook, records, "--say", "en", "--speak-at", "5s", "--hangup-after", "11s")
        (seen,) = proxy.sessions
        told = await judged(proxy, seen)
        assert summary["clears"] >= 1, summary
        cut = [entry for entry in record["conversation"] if entry["interrupted"]]
        notes = [e["content"] for _, e in seen.client_log if e["type"] in ("session.thinking.append", "session.instructions.append")]
        assert cut and any(cut[0]["heard"] in note for note in notes), (cut, notes)
        return told


async def a_lost_session_goes_on_with_another(binary, model):
    async with Proxy(model + "?rehearse=drop_in_response:2,first:1") as proxy, service(binary, proxy.url) as (webhook, records):
        _, record = await call(binary, webhook, records, "--say", "en", "--hangup-after", "20s")
        assert len(proxy.sessions) == 2, f"{len(proxy.sessions)} sessions"
        await judged(proxy, proxy.sessions[0], ends=False)
        told = await judged(proxy, proxy.sessions[1])
        history = proxy.sessions[1].client_log[0][1]["session"]["input"]
        roles = [message["role"] for message in history]
        assert "assistant" in roles, history
        assert record["ending"]["reason"] == "caller_hung_up", record["ending"]
        return told


SCENARIOS = [a_call_is_greeted_answered_and_closed, the_line_is_passed_through_in_g711, keys_call_tools_and_the_goodbye_is_heard,
             the_caller_interrupts_and_the_model_is_told, a_lost_session_goes_on_with_another]
