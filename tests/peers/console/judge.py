"""The console in a real Chromium.

First against the service itself, with the rehearsal model and simulated callers: what the page shows is compared with what
the service says, and what it orders with what happens. Then against a mock that has every path of the admin listener.
"""

import asyncio
import json
import struct
import tempfile
import wave
from pathlib import Path

from keys import by_keyboard
from mock import Mock
from playwright.async_api import async_playwright
from sound import decode, tenths, write_tone
from stage import CHROMIUM, SHOTS, Browser, Service, ask, by, said, shot, shows, state_of, that, until
from taken import measured, with_every_protocol

TOKEN = "open-sesame-4711"
# What counts as heavy is judged by the page's own clock, generously: the machine is shared.
HEAVIEST, LONGEST_TASK_MS = 250 * 1024, 400


async def against_the_service(chromium, folder):
    print("the service")
    service = Service(folder)
    try:
        served(service)
        async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
            await a_call_is_seen_and_ended(page, service)
        async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
            await a_call_is_heard_and_steered(page, service, Path(folder))
    finally:
        service.stop()


def served(service):
    status, headers, body = ask(f"{service.url}/console/")
    policy = headers.get("content-security-policy", "")
    that("the page is served with a policy without inline code", status == 200 and b"<!doctype html" in body and "unsafe" not in policy and "default-src 'none'" in policy, policy)
    status, _, _ = ask(f"{service.url}/console/", headers={"if-none-match": headers["etag"]})
    that("what a browser has is not sent again", status == 304, status)
    index = json.loads(ask(f"{service.url}/")[2])
    that("programs get the list of paths", "/calls" in [route["path"] for route in index["routes"]], index)
    that("a browser at / is sent to the page", b"<!doctype html" in ask(f"{service.url}/", headers={"accept": "text/html"})[2])
    status, _, _ = ask(f"{service.url}/console/", headers={"host": "attacker.example"})
    that("a foreign Host gets nothing", status == 403, status)


async def a_call_is_seen_and_ended(page, service):
    await page.goto(f"{service.url}/")
    await by(page, "calls").wait_for()
    index = {route["path"] for route in json.loads(ask(f"{service.url}/")[2])["routes"]}
    for testid, path in [("history", "/records"), ("test-call", "/test-call")]:
        that(f"{testid} is shown if the service has it", await by(page, testid).count() == (1 if path in index else 0))
    await shot(page, "service-empty")
    service.call("--dtmf", "60s:1")
    service.call("--say", "hi")
    await shows(page, "document.querySelectorAll('[data-testid=call-row]').length === 2")
    live = {call["id"]: call for call in service.calls()}
    rows = await page.eval_on_selector_all("[data-testid=call-row]", "rows => rows.map(row => [row.dataset.callId, row.textContent])")
    that("both calls stand in the list by their ids", {row for row, _ in rows} == set(live), rows)
    that("callers are masked", all("+15550100001" not in text and "0001" in text for _, text in rows), rows)
    first = rows[0][0]
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await by(page, "call-detail").wait_for()
    that("the keyboard opens a call", await by(page, "call-detail").get_attribute("data-call-id") == first)
    await until("what the caller heard stands there", lambda: said(page, "words-heard", "How can I help you today?"))
    await until("the caller’s words stand there", lambda: said(page, "words", "caller speech"))
    await until("the waterfall has the first answer", lambda: said(page, "waterfall", "ms"))
    that("the cost is shown", "$" in await by(page, "cost").inner_text())
    await shot(page, "service-call")
    await by(page, "hang-up").click()
    await page.keyboard.press("Escape")
    that("nothing happens without confirmation", first in {call["id"] for call in service.calls()})
    await by(page, "hang-up").click()
    dialog = await page.locator("dialog[open]").inner_text()
    that("the question names the call", live[first]["carrier_call_id"] in dialog and "0001" in dialog, dialog)
    await by(page, "confirm").click()
    await until("the call is hung up", lambda: first not in {call["id"] for call in service.calls()})
    await until("its detail says so", lambda: said(page, "call-detail", "by operator"))
    await by(page, "call-row").last.click()
    second = await by(page, "call-row").last.get_attribute("data-call-id")
    await page.locator(f'[data-testid="call-detail"][data-call-id="{second}"]').wait_for()
    await by(page, "transfer-to").select_option("sales")
    await by(page, "transfer-send").click()
    await until("the transfer is under way or done", lambda: said(page, "call-detail", "sales: "))
    await page.keyboard.press("Escape")
    await by(page, "spend").wait_for()
    await from_the_browser(page, service)
    await page.goto(f"{service.url}/console/#/service")
    await page.get_by_text("Configuration that runs").wait_for()
    await page.locator("input[name=from]").fill("+15550100001")
    await page.locator("input[name=to]").fill("+15550100002")
    await page.get_by_role("button", name="Who answers?").click()
    await page.get_by_text("answers in English").wait_for()
    await shot(page, "service-service")
    that("no error and no other host", not page.errors and page.hosts == {f"127.0.0.1:{service.admin}"}, (page.errors, page.hosts))


# Keeps every binary message of the page's sockets by their path, as arrays of bytes.
KEEP_SOUND = """
    window.sounds = {}
    const Native = WebSocket
    window.WebSocket = class extends Native {
        constructor(...given) {
            super(...given)
            const kept = (window.sounds[new URL(this.url).pathname.split('/').pop()] ??= [])
            this.addEventListener('message', ({ data }) => data instanceof ArrayBuffer && kept.push([...new Uint8Array(data)]))
        }
    }
"""


async def a_call_is_heard_and_steered(page, service, folder):
    """Every act on a live call: by what the page shows, and by what is heard at the other end."""
    await page.add_init_script(KEEP_SOUND)
    await page.goto(f"{service.url}/console/")
    await by(page, "calls").wait_for()
    await page.get_by_text("live", exact=True).first.wait_for()
    heard = folder / "heard.wav"
    caller = service.call("--heard", str(heard), "--wav", str(write_tone(folder / "caller.wav", 440, 2)), "--hangup-after", "40s")
    await by(page, "call-row").first.wait_for()
    call = service.calls()[0]
    that("a call that begins stands in the list by /events", await by(page, "call-row").first.get_attribute("data-call-id") == call["id"])
    await by(page, "call-row").first.click()
    await by(page, "listen").click()
    await shows(page, "[...document.querySelectorAll('.meters i')].some(bar => !['', 'scaleX(0)'].includes(bar.style.transform))")
    await until("the caller’s words stand there", lambda: said(page, "words", "caller speech"))
    await by(page, "whisper-text").fill("Offer the discount of ten percent.")
    await by(page, "whisper-send").click()
    await by(page, "say-text").fill("We close at nine today.")
    await by(page, "say-send").click()
    await until("the agent says what was ordered", lambda: said(page, "words", "We close at nine today."))
    that("and nothing of what was whispered", "discount" not in " ".join(await by(page, "words").all_inner_texts()))
    await until("the agent is done", lambda: state_of(service, call["id"]) == "listening")
    await by(page, "listen").click()
    await by(page, "take-over").click()
    await until("a person has the call", lambda: state_of(service, call["id"]) == "taken_over")
    await page.get_by_text("taken over").first.wait_for()
    await shot(page, "service-taken-over")
    status, _, _ = ask(f"{service.url}/calls/{call['id']}/say", {"text": "No."})
    that("the agent is nobody else’s meanwhile", status == 409, status)
    await page.wait_for_timeout(3000)
    await by(page, "give-back").click()
    await until("the agent has it again", lambda: state_of(service, call["id"]) != "taken_over")
    await until("and goes on", lambda: state_of(service, call["id"]) == "speaking")
    await by(page, "hang-up").click()
    await by(page, "confirm").click()
    caller.wait(30)
    with wave.open(str(heard)) as file:
        samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
    tone = tenths(samples, 1000)
    that("the caller hears the person", 2 <= tone <= 5, f"{tone} s of the person’s tone")
    sounds = await page.evaluate("window.sounds.listen")
    own = [decode(byte) for message in sounds if message[0] == 0 for byte in message[1:]]
    tone = tenths(own, 440, least=0.8)
    that("who listens hears the caller", 1.5 <= tone <= 2.2, f"{tone} s of the caller’s tone")
    agent = [sample for message in sounds if message[0] == 1 for sample in map(decode, message[1:]) if sample]
    middle = struct.pack("<4000h", *agent[len(agent) // 2 : len(agent) // 2 + 4000])
    voiced = struct.pack(f"<{sum(map(bool, samples))}h", *filter(None, samples))
    that("and the agent as the caller did, sample by sample", middle in voiced, (len(agent), len(samples)))
    audit = json.loads(ask(f"{service.url}/audit")[2])["entries"]
    that("every act stands in the audit log", {"listen", "whisper", "say", "take_over", "hangup"} <= {entry["act"] for entry in audit}, audit)
    that("no error", not page.errors, page.errors)


async def taken_over(chromium, folder):
    print("taken over")
    service = Service(folder, more="[recording]\nenabled = true\n")
    try:
        async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
            await measured(page, service)
            await shot(page, "service-player")
            that("no error", not page.errors, page.errors)
    finally:
        service.stop()


async def with_each_model(folder):
    def make(protocol):
        own = Path(folder) / protocol
        own.mkdir()
        return Service(own, more=f'[realtime]\nrehearsal_protocol = "{protocol}"\n')

    await with_every_protocol(make)


async def with_a_token(chromium, folder):
    print("the service with a token")
    service = Service(folder, TOKEN)
    try:
        async with Browser(chromium, viewport={"width": 390, "height": 844}) as page:
            await page.goto(f"{service.url}/")
            await by(page, "token").fill("wrong")
            await by(page, "sign-in").click()
            await by(page, "error").wait_for()
            await by(page, "token").fill(TOKEN)
            await page.keyboard.press("Enter")
            await by(page, "calls").wait_for()
            that("the token signs in, and stands in no address", TOKEN not in page.url)
            await page.get_by_role("button", name="Sign out").click()
            await by(page, "token").wait_for()
            that("signing out asks again", ask(f"{service.url}/calls")[0] == 401 and not page.errors, page.errors)
    finally:
        service.stop()


async def from_the_browser(page, service):
    """A test call with the browser's own (fake) microphone, and what history keeps of it."""
    await by(page, "test-call").click()
    await by(page, "test-call-end").wait_for()
    mine = lambda: [call for call in service.calls() if call["carrier"] == "browser"]
    await until("the test call is a call like any other", lambda: len(mine()) == 1)
    await shows(page, "!['', 'scaleX(0)', 'scaleX(0.00)'].includes(document.querySelectorAll('.meter-row i')[1].style.transform)")
    that("the agent is heard", True)
    await asyncio.sleep(2)
    await shot(page, "service-test-call")
    id = mine()[0]["carrier_call_id"]
    await by(page, "test-call-end").click()
    await until("closing hangs up", lambda: not mine())
    record = lambda: json.loads(ask(f"{service.url}/records/{id}")[2])
    # The tone interrupts the agent whenever it speaks, so how much of it was heard differs.
    await until("its record has what was heard", lambda: any(said.get("heard") for said in record().get("conversation") or []), seen=record)
    await by(page, "history").click()
    await by(page, "history-search").fill("help you")
    await shows(page, "document.querySelectorAll('[data-testid=history-row]').length >= 1")
    await by(page, "history-row").first.click()
    await until("history has its words", lambda: said(page, "words", "How can I help"))
    await shot(page, "service-history")


CALL = "00000000-0000-4000-8000-000000000002"


async def against_the_mock(chromium):
    print("the mock")
    mock = await Mock(calls=5, signs_in=True).start()
    async with Browser(chromium, viewport={"width": 1440, "height": 900}, color_scheme="dark") as page:
        await page.goto(f"{mock.url}/console/")
        await by(page, "token").fill("open-sesame")
        await by(page, "sign-in").click()
        await by(page, "call-row").first.wait_for()
        await pure_parts(page)
        await steer(page, mock)
        await look_back(page, mock)
        await test_call(page, mock)
        that("no error and no other host", not page.errors and page.hosts == {mock.url.split("/")[2]}, (page.errors, page.hosts))
    async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
        await page.goto(f"{mock.url}/console/")
        await by(page, "token").fill("see-only")
        await by(page, "sign-in").click()
        await page.locator(f'[data-call-id="{CALL}"]').click()
        await by(page, "words").wait_for()
        that("a viewer sees no act", sum([await by(page, testid).count() for testid in ["hang-up", "listen", "take-over", "say-text", "whisper-text", "transfer-to", "test-call"]]) == 0)
    async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
        await page.goto(f"{mock.url}/console/")
        await by(page, "token").wait_for()
        await page.keyboard.type("open-sesame")
        await page.keyboard.press("Enter")
        await by(page, "call-row").first.wait_for()
        await by_keyboard(page, mock)
        that("no error", not page.errors, page.errors)
    await mock.stop()


async def pure_parts(page):
    """What decides without drawing, as the page itself loads it."""
    found = await page.evaluate("""async () => {
        const [words, strip, sound, waterfall, format, service] = await Promise.all(['words', 'strip', 'sound', 'waterfall', 'format', 'service'].map(name => import(`/console/${name}.js`)))
        const series = strip.read('# HELP x\\nswitchboard_t_bucket{part="total",le="1"} 8\\nswitchboard_t_bucket{part="total",le="2"} 10\\nswitchboard_t_bucket{part="total",le="+Inf"} 10\\nother 3')
        return {
            cut: [words.cut('one two', 'one'), words.cut('one two', null), words.cut('one', ''), words.cut('It is 5', 'It is five')],
            quantile: [strip.quantile(strip.buckets(series, 'switchboard_t', 'part="total"'), [], 0.5), strip.quantile([[1, 5]], [[1, 5]], 0.5)],
            farthest: Math.max(...Array.from({ length: 201 }, (_, n) => Math.abs(sound.decode(sound.encode((n - 100) / 101)) - (n - 100) / 101))),
            known: [sound.encode(0), sound.encode(1), sound.encode(-1), sound.decode(0xff)],
            parts: waterfall.parts({ end_of_speech_ms: 500, first_delta_ms: null, first_sent_ms: 4 }),
            format: [format.masked('+919876543210'), format.masked(''), format.clock(3_661_000), format.usd(0.0341), format.wait(1240), service.plain({ soft_usd: null, tools: ['a', 'b'], on: true })],
        }
    }""")
    apart = {"pending": "", "unheard": ""}
    that("heard and unheard words are told apart", found["cut"] == [apart | {"heard": "one", "unheard": " two"}, apart | {"heard": "", "pending": "one two"}, apart | {"heard": "", "unheard": "one"}, apart | {"heard": "It is five", "unheard": "It is 5"}], found["cut"])
    that("quantiles are read from buckets", found["quantile"] == [0.625, None], found["quantile"])
    that("mu-law goes there and back", found["farthest"] < 0.02 and found["known"] == [0xFF, 0x80, 0x00, 0], (found["farthest"], found["known"]))
    that("the parts of a wait follow one another", found["parts"] == [["end_of_speech_ms", 0, 500], ["first_sent_ms", 500, 4]], found["parts"])
    that("values are written as people read them", found["format"] == ["+91…3210", "withheld", "1:01:01", "$0.0341", "1.24 s", "soft usd: none; tools: a, b; on: yes"], found["format"])


async def steer(page, mock):
    await page.locator(f'[data-call-id="{CALL}"]').click()
    await by(page, "words-unheard").first.wait_for()
    that("the part that was never heard is set apart", "and another at half past three" in await by(page, "words-unheard").first.inner_text())
    for act in ["whisper", "say"]:
        await by(page, f"{act}-text").fill(f"Please {act} this.")
        await by(page, f"{act}-send").click()
        await until(f"{act} is ordered", lambda: (f"/calls/{CALL}/{act}", {"text": f"Please {act} this."}) in mock.orders)
    await by(page, "transfer-to").select_option("workshop")
    await by(page, "transfer-send").click()
    await by(page, "error").wait_for()
    that("a refusal is shown in the service’s words", "is being transferred already" in await by(page, "error").inner_text())
    await by(page, "listen").click()
    await shows(page, "[...document.querySelectorAll('.meters i')].every(bar => !['', 'scaleX(0)'].includes(bar.style.transform))")
    that("both sides are heard", mock.sockets == 1)
    await shot(page, "mock-call-dark")
    await by(page, "listen").click()
    await until("listening stops", lambda: mock.sockets == 0)
    await by(page, "take-over").click()
    await by(page, "give-back").wait_for()
    path = f"/calls/{CALL}/take-over"
    await until("the microphone is sent", lambda: mock.sounds.get(path, {}).get("bytes", 0) > 3200)
    that("in messages of 20 ms", mock.sounds[path]["sizes"] == {160}, mock.sounds[path]["sizes"])
    await by(page, "give-back").click()
    await until("giving back is said and closes", lambda: mock.sounds[path]["texts"] == [{"give_back": True}] and mock.sockets == 0)


async def look_back(page, mock):
    await by(page, "history").click()
    await by(page, "history-row").first.wait_for()
    await by(page, "history-search").fill("registration")
    await shows(page, "location.hash.includes('text=registration')")
    await by(page, "history-row").nth(2).click()
    await by(page, "player").get_by_role("button").click()
    await page.locator(".track").nth(1).wait_for()
    await shows(page, "document.querySelector('audio').currentTime > 0.3")
    await page.locator('article [data-side="caller"]').first.click()
    await shows(page, "document.querySelector('audio').currentTime > 6.5")
    await page.locator('article li[aria-current][data-side="caller"]').wait_for()
    that("the words are in step with the sound", True)
    await shot(page, "mock-history-dark")
    address = page.url
    await page.goto("about:blank")
    await page.goto(address)
    await by(page, "player").wait_for()
    that("the address keeps search and call", await by(page, "history-search").input_value() == "registration")
    await by(page, "history-search").fill("no such words")
    await page.get_by_text("No call matches these filters.").wait_for()


async def test_call(page, mock):
    await by(page, "test-call").click()
    await by(page, "test-call-end").wait_for()
    await until("the microphone is sent to the agent", lambda: mock.sounds.get("/test-call", {}).get("bytes", 0) > 3200)
    that("after who is called", mock.sounds["/test-call"]["texts"][0] == {"agent": "sales", "variables": {}}, mock.sounds["/test-call"]["texts"])
    await until("what is played is told", lambda: {"played": "1:160:item"} in mock.sounds["/test-call"]["texts"])
    await by(page, "test-call-end").click()
    await until("the call is ended", lambda: mock.sockets == 0)


async def how_it_looks(chromium):
    print("how it looks, and how heavy it is")
    for name, calls, address in [("empty", 0, ""), ("one", 1, "#/live/00000000-0000-4000-8000-000000000001"), ("many", 300, ""), ("service", 12, "#/service")]:
        mock = await Mock(calls).start()
        for width, scheme in [(1440, "light"), (390, "dark")]:
            async with Browser(chromium, viewport={"width": width, "height": 900 if width > 400 else 844}, color_scheme=scheme) as page:
                await page.add_init_script("window.tasks = []; new PerformanceObserver(list => list.getEntries().forEach(task => tasks.push(task.duration))).observe({ type: 'longtask', buffered: true })")
                await page.goto(f"{mock.url}/console/{address}")
                await shows(page, "document.querySelector('.tile b')?.textContent !== '–' && document.querySelector('.panel')" if not address.endswith("service") else "document.querySelector('.panel .card dd')")
                wide = await page.evaluate("document.documentElement.scrollWidth")
                that(f"{name}: nothing sticks out at {width}", wide <= width, wide)
                if name == "many" and width > 400:
                    await how_heavy(page)
                await shot(page, f"{name}-{width}-{scheme}")
        await mock.stop()
    mock = await Mock(3).start()
    async with Browser(chromium, viewport={"width": 1440, "height": 900}) as page:
        await page.goto(f"{mock.url}/console/")
        await by(page, "call-row").first.wait_for()
        await mock.stop()
        await by(page, "error").first.wait_for()
        await shot(page, "error-1440-light")
        that("a service that is gone is said, and the calls stay", await by(page, "call-row").count() == 3)


async def how_heavy(page):
    await shows(page, "document.querySelectorAll('[data-testid=call-row]').length === 300")
    await page.evaluate("document.querySelector('.scroller').scrollTop = 3000; window.settled = tasks.length")
    place = await page.evaluate("document.querySelector('.scroller').scrollTop")
    await page.wait_for_timeout(4000)
    weight = await page.evaluate("performance.getEntriesByType('resource').filter(it => it.name.includes('/console/')).reduce((sum, it) => sum + it.decodedBodySize, performance.getEntriesByType('navigation')[0].decodedBodySize)")
    paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    tasks = await page.evaluate("tasks.slice(settled)")
    print(f"      {weight} bytes, first paint after {paint:.0f} ms, tasks over 50 ms in 4 s with 300 calls: {[round(task) for task in tasks]}")
    that("the page is light", weight <= HEAVIEST, weight)
    that("300 calls hold the page up at no time", max(tasks, default=0) < LONGEST_TASK_MS, tasks)
    that("the list keeps its place", await page.evaluate("document.querySelector('.scroller').scrollTop") == place)


async def main():
    SHOTS.mkdir(parents=True, exist_ok=True)
    # Whoever speaks into the browser's microphone is a tone.
    microphone = write_tone(SHOTS / "microphone.wav", 1000, 60, 48000)
    async with async_playwright() as playwright:
        arguments = [*CHROMIUM, f"--use-file-for-fake-audio-capture={microphone}"]
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=arguments)
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two, tempfile.TemporaryDirectory() as three:
            await against_the_service(chromium, one)
            await taken_over(chromium, two)
            await with_a_token(chromium, three)
            # Both mostly wait.
            await asyncio.gather(against_the_mock(chromium), with_each_model(two))
        await how_it_looks(chromium)
        await chromium.close()
    print(f"screenshots: {SHOTS}")


if __name__ == "__main__":
    asyncio.run(main())
