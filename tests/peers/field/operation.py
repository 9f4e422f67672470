"""Settings, signals, receivers of webhooks, noise, and a session that owes an answer and gives none."""
import asyncio
import json
import os
import signal
import subprocess
import tempfile

from bench import BINARY, PATIENCE, Bench, hears, hears_the_model, kinds, longest_silence, turn
from losses import check, until
from service import HOME

SCENARIOS = []


def scenario(work):
    SCENARIOS.append(work)
    return work


def checked(files):
    """`switchboard check` in a folder with these files: how it ends and all it says."""
    folder = tempfile.mkdtemp(dir=HOME)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SWITCHBOARD", "TWILIO", "OPENAI", "WAYBEO"))}
    done = subprocess.run([BINARY, "check"], cwd=folder, env=env, capture_output=True, timeout=20)
    return done.returncode, (done.stdout + done.stderr).decode()


@scenario
async def a_dotenv_of_others_is_read_and_no_secret_is_repeated():
    for name, text in [
        ("blanks", b"COMPANY_NAME=Example Motors Pvt Ltd\nOPENAI_API_KEY=sk-example-0123456789\n"),
        ("json", b'OPENAI_API_KEY=sk-example-0123456789\nGOOGLE_CREDS={"type": "service_account", "id": "x"}\n'),
        ("a mark and CRLF", b"\xef\xbb\xbfOPENAI_API_KEY=sk-example-0123456789\r\nTWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef\r\n"),
        ("dollars", b"SWITCHBOARD_ADMIN_TOKEN=pa$word1234567890abcdefghij$$xyz\n"),
    ]:
        code, said = await asyncio.to_thread(checked, {".env": text})
        check(code == 0, name, code, said[-600:])
        check("pa$word" not in said and "sk-example" not in said, name, "a secret is repeated")
    for url in ("https://user:pa55word@n8n.example.com/webhook/x", "https://pa55word@n8n.example.com/x", "ftp://user:pa55word@n8n.example.com/x"):
        code, said = await asyncio.to_thread(checked, {"config.toml": f'[[webhooks.endpoints]]\nname = "n8n"\nurl = "{url}"\n'.encode()})
        check(code == 2 and "pa55word" not in said, url, code, said[-600:])
    return "4 files, 3 addresses"


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
