"""Every act by the keyboard alone."""

from stage import by, shows, that, until


async def press(page, *keys):
    for key in keys:
        await page.keyboard.press(key)


async def by_keyboard(page, mock):
    """The page has been signed in to; no pointer moves from here on."""
    focus = "document.activeElement?.dataset.testid ?? document.activeElement?.tagName"
    await press(page, "j", "Enter")
    await by(page, "call-detail").wait_for()
    call = await by(page, "call-detail").get_attribute("data-call-id")
    ordered = lambda act, body: (f"/calls/{call}/{act}", body) in mock.orders
    await press(page, "w")
    await page.keyboard.type("Offer ten percent.")
    await press(page, "Enter")
    await until("w whispers", lambda: ordered("whisper", {"text": "Offer ten percent."}))
    await press(page, "Escape", "s")
    await page.keyboard.type("We close at nine.")
    await press(page, "Enter")
    await until("s lets the agent speak", lambda: ordered("say", {"text": "We close at nine."}))
    await press(page, "Escape", "t", "Tab")
    that("t leads to the transfer", await page.evaluate(focus) == "transfer-send", await page.evaluate(focus))
    await press(page, "Enter")
    await until("and Enter orders it", lambda: ordered("transfer", {"destination": "sales"}))
    await press(page, "l")
    await until("l listens", lambda: mock.sockets == 1)
    await press(page, "l")
    await until("and stops", lambda: mock.sockets == 0)
    await press(page, "o")
    await by(page, "give-back").wait_for()
    await until("o takes the call over", lambda: mock.sockets == 1)
    await press(page, "o")
    await until("and gives it back", lambda: mock.sockets == 0)
    await press(page, "c")
    await by(page, "place-to").wait_for()
    await page.keyboard.type("+91 98765 43210")
    await press(page, "Enter")
    await until("c calls a number", lambda: ("/calls", {"to": "+919876543210", "agent": "sales"}) in mock.orders)
    await shows(page, "!document.querySelector('dialog')")
    await press(page, "x", "Enter")
    that("x asks, and the harmless answer has the focus", not ordered("hangup", {}) and await page.locator("dialog").count() == 0)
    await press(page, "x", "Tab", "Enter")
    await until("and hangs up when that is confirmed", lambda: ordered("hangup", {}))
    await press(page, "Escape", "3")
    await by(page, "deliveries").wait_for()
    for _ in range(40):
        await press(page, "Tab")
        if await page.evaluate("document.activeElement.textContent") == "Retry":
            break
    await press(page, "Enter")
    await until("a delivery is sent again", lambda: any(path.endswith("/retry") for path, _ in mock.orders))
    # The cards are drawn anew every five seconds, and the keyboard stays where it is.
    await page.wait_for_timeout(6000)
    that("the keyboard keeps its place", await page.evaluate("document.activeElement.textContent") == "Retry", await page.evaluate(focus))
    await press(page, "2")
    await by(page, "history-row").first.wait_for()
    await press(page, "/")
    await page.keyboard.type("registration")
    await press(page, "Enter")
    await shows(page, "location.hash.includes('text=registration')")
    await press(page, "j", "j", "Enter")
    await by(page, "player").wait_for()
    that("a record is opened", True)
