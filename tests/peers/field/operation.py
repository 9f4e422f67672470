"""Settings, signals, receivers of webhooks, noise, and a session that owes an answer and gives none."""
import asyncio
import json
import os
import signal
import subprocess
import tempfile

import websockets

from bench import BINARY, PATIENCE, Bench, hears, hears_the_model, kinds, longest_silence, turn
from losses import check, until
from service import HOME

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def checked(files, variables=None):
    """`switchboard check` in a folder with these files, and variables: how it ends and all it says."""
    folder = tempfile.mkdtemp(dir=HOME)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data.encode())
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SWITCHBOARD", "TWILIO", "OPENAI", "WAYBEO"))}
    env |= variables or {}
    done = subprocess.run([BINARY, "check"], cwd=folder, env=env, capture_output=True, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode()


KEY, TOKEN = "sk-example-0123456789", "0123456789abcdef0123456789abcdef"


@scenario
async def a_dotenv_of_others_is_read_and_no_secret_is_repeated():
    for name, text in [
        ("blanks", f"COMPANY_NAME=Example Motors Pvt Ltd\nOPENAI_API_KEY={KEY}\n"),
        ("json", f'OPENAI_API_KEY={KEY}\nGOOGLE_CREDS={{"type": "service_account", "id": "x"}}\n'),
        ("json over lines", f'GOOGLE_CREDS={{\n  "type": "service_account"\n}}\nOPENAI_API_KEY={KEY}\n'),
        ("a quote nobody closes", f"GREETING=It's open\nMOTTO=\"half\nOPENAI_API_KEY={KEY}\n"),
        ("exported", f"export OPENAI_API_KEY={KEY}\n[section]\njust words\n"),
        ("a mark and CRLF", f"\ufeffOPENAI_API_KEY={KEY}\r\nTWILIO_AUTH_TOKEN={TOKEN}\r\n"),
        ("dollars", "SWITCHBOARD_ADMIN_TOKEN=pa$word1234567890abcdefghij$$xyz\n"),
    ]:
        code, said = await asyncio.to_thread(checked, {".env": text})
        check(code == 0, name, code, said[-600:])
        check("pa$word" not in said and KEY not in said and TOKEN not in said, name, "a secret is repeated")
        check("OPENAI" not in text or "OPENAI_API_KEY" not in missing(said), name, "the key is not read", said[-600:])
    for name, text, line in [
        ("a quote that nothing closes", f'A=1\nB=2\nOPENAI_API_KEY="{KEY}\n', 3),
        ("over several lines", f'A=1\nOPENAI_API_KEY="{KEY}\nmore"\n', 2),
        ("no assignment", f"OPENAI_API_KEY: {KEY}\n", 1),
        ("another's quote", f'A="1\nOPENAI_API_KEY={KEY}\nB=2"\n', 2),
    ]:
        code, said = await asyncio.to_thread(checked, {".env": text})
        check(code == 2 and "OPENAI_API_KEY" in said and f"line {line}" in said, name, code, said[-600:])
        check(KEY not in said, name, "a secret is repeated")
    return "7 files are read, 4 refused with line and name"


def missing(said):
    """What `check` says of variables that are not there."""
    return "\n".join(line for line in said.splitlines() if "not set" in line or "missing" in line)


@scenario
async def quotes_that_docker_leaves_on_are_no_part_of_a_secret():
    """`docker run --env-file` hands them on: the same file means the same to systemd, and `check` says which variables stood in them."""
    import urllib.request

    quoted = {"OPENAI_API_KEY": f'"{KEY}"', "TWILIO_AUTH_TOKEN": f"'{TOKEN}'", "SWITCHBOARD_ADMIN_TOKEN": "'admin-0123456789abcdefghijklmnop'"}
    code, said = await asyncio.to_thread(checked, {}, quoted)
    check(code == 0 and all(name in said for name in quoted), code, said[-900:])
    check(KEY not in said and TOKEN not in said and "admin-0123" not in said, "a secret is repeated")
    async with Bench(variables={"SWITCHBOARD_ADMIN_TOKEN": quoted["SWITCHBOARD_ADMIN_TOKEN"], "OPENAI_API_KEY": quoted["OPENAI_API_KEY"]}) as bench:

        def get():
            request = urllib.request.Request(bench.service.admin + "/calls", headers={"Authorization": "Bearer admin-0123456789abcdefghijklmnop"})
            return urllib.request.urlopen(request, timeout=5).status

        check(await asyncio.to_thread(get) == 200)
        caller = await bench.caller()
        key = caller.session.socket.request.headers["Authorization"]
        check(key == f"Bearer {KEY}", "the model was shown another key")
        await caller.hang_up(bench.service)
    return "3 secrets"


# Where an address may stand, and how it is written there.
ADDRESSES = {
    "webhooks": '[[webhooks.endpoints]]\nname = "n8n"\nurl = "{}"\n',
    "tools": '[agents.default]\ntools = ["look"]\n[tools.look]\ndescription = "look"\nurl = "{}"\n',
    "realtime": '[realtime]\nprovider = "openai"\nurl = "{}"\n',
    "redis": '[delivery]\nbackend = "redis"\nredis_url = "{}"\n',
    "public": '[server]\npublic_url = "{}"\n',
    "twilio": '[twilio]\napi_url = "{}"\n',
    "waybeo": '[waybeo]\napi_url = "{}"\n',
}
WORDS = ["https://user:pa55word@n8n.example.com/webhook/x", "https://pa55word@n8n.example.com/x", "ftp://user:pa55word@n8n.example.com/x", "wss://user:pa55word@n8n.example.com/x", "redis://:pa55word@n8n.example.com/x", "//user:pa55word@n8n.example.com", "user:pa55word@n8n.example.com:99999", "https://user:pa55word@[::1/x", "https://user:pa55%20word@n8n.example.com:port/"]


@scenario
async def no_address_repeats_its_password():
    """Wherever it stands, as a file has it and as a variable has it, and whatever else is wrong with it."""
    cases = [(place, address, {"config.toml": text.format(address)}, {}) for place, text in ADDRESSES.items() for address in WORDS]
    keys = {"realtime": "SWITCHBOARD__REALTIME__URL", "redis": "SWITCHBOARD__DELIVERY__REDIS_URL", "public": "SWITCHBOARD__SERVER__PUBLIC_URL"}
    cases += [(place, address, {}, {keys[place]: address} | ({"SWITCHBOARD__DELIVERY__BACKEND": "redis"} if place == "redis" else {})) for place in keys for address in WORDS]
    places = asyncio.Semaphore(4)

    async def one(place, address, files, variables):
        async with places:
            code, said = await asyncio.to_thread(checked, files, variables)
        check(code == 2, place, address, code, said[-600:])
        check("pa55" not in said, place, address, said[-600:])

    await asyncio.gather(*(one(*case) for case in cases))
    return f"{len(cases)} addresses"


@scenario
async def a_dollar_in_a_token_is_a_dollar():
    import urllib.error
    import urllib.request

    token = "pa$word1234567890abcdefghij$$xyz"
    async with Bench(files={".env": f"SWITCHBOARD_ADMIN_TOKEN={token}\n"}) as bench:

        def status(bearer):
            request = urllib.request.Request(bench.service.admin + "/calls", headers={"Authorization": f"Bearer {bearer}"})
            try:
                return urllib.request.urlopen(request, timeout=5).status
            except urllib.error.HTTPError as error:
                return error.code

        found = [await asyncio.to_thread(status, bearer) for bearer in (token, "pa", "paxyz", token.replace("$$", "$"))]
        check(found == [200, 401, 401, 401], found)
        return str(found)


@scenario
async def a_hang_up_of_the_terminal_ends_no_call_at_once():
    async with Bench(server__drain_timeout="4s") as bench:
        caller = await bench.caller()
        bench.service.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(1)
        check(bench.service.process.poll() is None and not caller.running.done(), "the call was dropped")
        ended = await turn(caller)
        await hears_the_model(caller, ended, 3)
        record = await caller.hang_up(bench.service)
        check(record["ending"]["reason"] == "caller_hung_up", record["ending"])
        check(bench.lines("SIGHUP") or bench.lines("signal"), "the log says nothing of it")
        return "the call went on"


@scenario
async def a_session_that_owes_an_answer_is_filled_replaced_and_recorded():
    shown = []

    async def one(bench, name, begins):
        first = []

        def script(session, event):
            async def play(session):
                if begins:
                    await session.begin()

            first[:] = first or [session]
            return play if session is first[0] else None

        caller = await bench.caller(script)
        ended = await turn(caller)
        waited = await hears(caller, ended)
        check(waited < PATIENCE, name, "the first sound came after", waited)
        at = await hears_the_model(caller, ended, 14)
        check(longest_silence(caller, ended, ended + at) < 4.2, name, "a silence of", longest_silence(caller, ended, ended + at))
        await caller.quiet()
        record = await caller.hang_up(bench.service)
        check("model_mute" in kinds(record), name, record["incidents"])
        lap = record["latency"][0]
        check(lap.get("filler_ms") and lap["first_delta_ms"] > lap["filler_ms"] - 1000, name, lap)
        shown.append(f"{name}: a word after {waited:.1f} s, the answer after {at:.1f} s")

    async with Bench(limits__model_answer="5s") as bench:
        await asyncio.gather(one(bench, "nothing comes", False), one(bench, "a response begins", True))
    return "; ".join(shown)


@scenario
async def noise_is_no_word():
    """Signs and placeholders of transcription: the prompts and the goodbye come as in silence; noise without a pause has an end too."""
    signs = [".", "…", "[BLANK_AUDIO]", " - ", "(inaudible)", "♪", "", "[music]", "?!"]
    shown = []

    async def one(bench, name, pause):
        caller = await bench.caller()

        async def rustle():
            for sign in signs * 8:
                try:
                    await turn(caller, sign, respond=False)
                except websockets.ConnectionClosed:
                    return
                await asyncio.sleep(pause)

        noise, asked = asyncio.ensure_future(rustle()), caller.asked
        await asyncio.wait_for(asyncio.shield(caller.running), 35)
        noise.cancel()
        record, _ = await bench.service.record(caller.phone.call_sid)
        check(record["ending"]["reason"] == "caller_silent", name, record["ending"])
        said = [entry["text"] for entry in record["conversation"] if entry["speaker"] == "user"]
        check(not said and not set(signs) & {line.strip() for line in record["transcripts"]}, name, said, record["transcripts"])
        check(name != "now and then" or caller.asked - asked == 3, name, caller.asked - asked, "prompts and goodbyes")
        shown.append(f"{name}: {record['duration_ms'] / 1000:.0f} s")

    limits = {"limits__idle_prompts": '["2s","2s"]', "limits__idle_after": "2s", "limits__longest_without_words": "15s"}
    async with Bench(**limits | {"limits__longest_without_words": "180s"}) as bench, Bench(**limits) as short:
        await asyncio.gather(one(bench, "now and then", 3.4), one(short, "without a pause", 1.2))
    return "ended as silent, " + ", ".join(shown)


@scenario
async def a_stream_whose_upgrade_was_lost_is_counted_and_told_once():
    """As nginx sends it without the three lines: each is answered with 400 and counted, one line of the log says the likely cause."""
    async with Bench() as bench:
        heads = ["GET {} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"]
        for head in heads * 3:
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.service.port)
            writer.write(head.format("/ws").encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            check(b" 400 " in answer.split(b"\r\n")[0], answer[:200])
            writer.close()
        refused = await bench.metrics("switchboard_calls_refused_total", reason="no_upgrade")
        check(refused == 9, refused, "are counted")
        lines = bench.lines("WARN", "proxy_http_version")
        check(len(lines) == 1, lines)
        return f"{refused:.0f} counted, one line"
