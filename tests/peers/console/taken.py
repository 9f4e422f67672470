"""Taking a call over, as figures: by the page's own click, and by what is heard at the other end of the line."""

import asyncio
import io
import json
import statistics
import struct
import time
import urllib.error
import urllib.request
import wave

import aiohttp
from caller import SILENCE, Caller
from sound import decode, earliness, frames, share, speech, sweep, tenths, voice
from stage import by, that, until

MUTED_S, HEARD_S, EARLY_S = 0.1, 0.5, 0.3
# Frames in which two pieces of a sentence meet are nobody’s, by their bytes.
SEAM_S = 0.1
PROTOCOLS = ["realtime", "live", "gemini", "cascade"]

# Notes each click and each socket with the time of day, and when each message of sound came.
NOTE_TIMES = """
    window.moments = []
    window.came = {}
    const note = (what) => moments.push([what, performance.timeOrigin + performance.now()])
    addEventListener('click', ({ target }) => note(`click ${target.closest?.('[data-testid]')?.dataset.testid ?? ''}`), true)
    const Plain = WebSocket
    window.WebSocket = class extends Plain {
        constructor(...given) {
            super(...given)
            const act = new URL(this.url).pathname.split('/').pop()
            note(`socket ${act}`)
            this.addEventListener('open', () => note(`open ${act}`))
            this.addEventListener('message', ({ data }) => data instanceof ArrayBuffer && (came[act] ??= []).push([performance.timeOrigin + performance.now(), ...new Uint8Array(data)]))
        }
    }
"""


def frames_of(pieces):
    """Pieces of sound as stretches of 20 ms: when each begins, and its samples."""
    for begins, sound in pieces:
        for at in range(0, len(sound) - 159, 160):
            yield begins + at / 8000, [decode(byte) for byte in sound[at : at + 160]]


async def measured(page, service):
    """One call that is listened to, taken over in the middle of a sentence and given back."""
    await page.add_init_script(NOTE_TIMES)
    await page.goto(f"{service.url}/console/")
    await page.get_by_text("live", exact=True).first.wait_for()
    # The embedded model says the caller's own words again: these are long, and no two stretches of them are alike.
    async with Caller(service.public, frames(voice(440, 2) + sweep(300, 700, 10))) as caller:
        row = page.locator('[data-testid="call-row"]:not([data-left])')
        await row.first.wait_for()
        call = await row.first.get_attribute("data-call-id")
        await row.first.click()
        await by(page, "listen").click()
        state = lambda: next((it["state"] for it in service.calls() if it["id"] == call), None)
        await until("the agent answers", lambda: state() == "speaking" and any(word["speaker"] == "user" for word in conversation(service, call)))
        await asyncio.sleep(4)
        await by(page, "take-over").click()
        await until("a person has the call", lambda: state() == "taken_over")
        await asyncio.sleep(3)
        await by(page, "give-back").click()
        await until("the agent has it again", lambda: state() in ("speaking", "listening", "thinking"))
        given_back = time.time()
        await until("and goes on", lambda: any(begins > given_back for begins, _ in caller.heard))
        moments = {what: at / 1000 for what, at in await page.evaluate("moments")}
        heard = list(caller.heard)
        listened = [(message[0] / 1000, bytes(message[2:])) for message in await page.evaluate("came.listen") if message[1] == 1]
        cleared = next((at for at in caller.cleared if at > moments["click take-over"] - 0.05), None)
        that("the carrier is told to drop what it has", cleared, caller.cleared)
    told = moments["socket take-over"]
    person = next(begins for begins, samples in frames_of(heard) if begins > told and share(samples, 1000) > 0.5)
    agent = [begins for begins, samples in frames_of(heard) if told + MUTED_S < begins < given_back - 1 and share(samples, 1000) < 0.3 and max(map(abs, samples)) > 500]
    early = earliness(listened, heard)
    print(f"      muted {1000 * (cleared - told):.0f} ms after the order and {1000 * (cleared - moments['click take-over']):.0f} ms after the click; the person is heard {1000 * (person - moments['click take-over']):.0f} ms after the click")
    print(f"      {len(early)} stretches of the agent: a listener is early by {1000 * statistics.median(early):.0f} ms (median), {1000 * max(early):.0f} ms (most), {1000 * min(early):.0f} ms (least)")
    that("the agent is muted within 100 ms of the take-over", cleared - told <= MUTED_S, cleared - told)
    that("and nothing of it is heard until the call is given back", not agent, agent[:5])
    that("the caller hears the person within 500 ms of the click", person - moments["click take-over"] <= HEARD_S, person - moments["click take-over"])
    that("a listener is never more than 300 ms early", len(early) >= 5 and max(early) <= EARLY_S, early)
    await recorded(page, service, call)


def conversation(service, call):
    request = urllib.request.Request(f"{service.url}/calls/{call}", headers=service.headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer).get("conversation") or []


async def recorded(page, service, call):
    """The person has a channel of their own in the recording, and the player shows it."""
    url = f"{service.url}/records/{call}/audio"

    def there():
        try:
            return urllib.request.urlopen(url, timeout=20).read()
        except urllib.error.HTTPError:
            return b""

    await until("the call is recorded", lambda: len(there()) > 100_000)
    with wave.open(io.BytesIO(there())) as file:
        channels = file.getnchannels()
        samples = struct.unpack(f"<{file.getnframes() * channels}h", file.readframes(file.getnframes()))
    sides = [samples[n::channels] for n in range(channels)]
    tones = [[tenths(side, pitch) for pitch in (440, 1000)] for side in sides]
    print(f"      the recording: seconds of the caller’s tone and of the person’s, by channel: {tones}")
    that("the person has a channel of their own in the recording", channels == 3 and tones[2][1] >= 2 and tones[0][1] == 0, tones)
    # The embedded model says again what it heard last, so the agent has the person's tone too, later.
    both = sum(share(sides[2][at : at + 800], 1000) > 0.5 < share(sides[1][at : at + 800], 1000) for at in range(0, len(sides[2]) - 800, 800))
    that("nobody else is heard at the same time", both == 0, both)
    that("and the caller has theirs", tones[0][0] >= 1.2 and tones[2][0] == 0, tones)
    await page.goto(f"{service.url}/console/#/history/{call}")
    await by(page, "player").get_by_role("button").click()
    await page.locator('.track[data-side="person"]').wait_for()
    await page.locator('article li[data-side="person"]').first.wait_for()
    that("the player shows who took the call over", True)


async def with_every_protocol(make):
    """Whatever the model speaks: it hears the caller, says nothing while a person has the call, and goes on afterwards."""
    services = [make(protocol) for protocol in PROTOCOLS]
    try:
        for protocol, (figures, record) in zip(PROTOCOLS, await asyncio.gather(*(taken(service) for service in services))):
            print(f"      {protocol}: {figures}")
            said = {speaker: [entry["text"] for entry in record["conversation"] if entry["speaker"] == speaker] for speaker in ("user", "person", "assistant")}
            acts = [act["act"] for act in record["operators"]]
            that(f"{protocol}: the caller hears the person and nobody else", figures["person_s"] >= 1 and figures["other_s"] <= SEAM_S, figures)
            that(f"{protocol}: and the person the caller", figures["caller_s"] >= 1, figures)
            that(f"{protocol}: the agent goes on when the call is given back", figures["after_s"] > 0 and acts == ["take_over", "give_back"], (figures, acts))
            that(f"{protocol}: what both said meanwhile is written down", len(said["person"]) >= 1 and len(said["user"]) >= 1, said)
    finally:
        for service in services:
            service.stop()


async def taken(service):
    """One call that a person takes over, talks on, hears the caller on, and gives back."""
    loud = lambda samples: max(map(abs, samples)) > 500
    persons, callers = speech("en"), speech("hi")
    # The caller speaks once, while the person has the call.
    async with Caller(service.public, [SILENCE] * 460 + frames(callers)) as caller, aiohttp.ClientSession() as http:
        began = time.time()
        while not (calls := service.calls()) or calls[0]["state"] not in ("listening", "speaking", "greeting"):
            await asyncio.sleep(0.05)
        await asyncio.sleep(max(0, began + 4 - time.time()))
        async with http.ws_connect(f"{service.url}/calls/{calls[0]['id']}/take-over") as line:
            took = time.time()
            heard = []

            async def listen():
                async for message in line:
                    if message.type == aiohttp.WSMsgType.BINARY:
                        heard.append(message.data)

            listening = asyncio.create_task(listen())
            start = time.monotonic()
            for number, frame in enumerate(frames(persons) + [SILENCE] * 330):
                await line.send_bytes(frame)
                await asyncio.sleep(max(0, start + (number + 1) * 0.02 - time.monotonic()))
            await line.send_str(json.dumps({"give_back": True}))
            gave = time.time()
            await listening
        for _ in range(150):
            await asyncio.sleep(0.05)
            if any(begins > gave + 0.3 and loud(samples) for begins, samples in frames_of(caller.heard)):
                break
        pieces = [(begins + at / 8000, sound[at : at + 160]) for begins, sound in caller.heard for at in range(0, len(sound) - 159, 160)]
    sounding = lambda mulaw: loud([decode(byte) for byte in mulaw])
    meanwhile = [sound in persons for begins, sound in pieces if took + MUTED_S < begins < gave and sounding(sound)]
    hears = b"".join(message[1:] for message in heard if message[0] == 0)
    figures = {
        "person_s": round(sum(meanwhile) / 50, 2), "other_s": round(sum(not it for it in meanwhile) / 50, 2),
        "caller_s": round(sum(sounding(sound) for sound in frames(hears) if sound in callers) / 50, 2),
        "after_s": round(sum(sounding(sound) for begins, sound in pieces if begins > gave) / 50, 2),
    }  # fmt: skip
    for _ in range(100):
        await asyncio.sleep(0.1)
        try:
            with urllib.request.urlopen(f"{service.url}/records/{caller.sid}", timeout=20) as answer:
                return figures, json.load(answer)
        except urllib.error.HTTPError:
            pass
    raise SystemExit("the call has no record")
