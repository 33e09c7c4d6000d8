"""Uses auditd's page in headless Chromium as a person would, over the DevTools protocol.

Arguments: chromium, auditd's address, its token, a folder for screenshots, the identifiers of a
session that has ended and of one that runs, and a file that, once it is there, makes the latter
say `live-more`. Prints `ok`, or what was wrong.
"""
import asyncio
import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

from websockets.asyncio.client import connect

CHROMIUM, URL, TOKEN, SHOTS, ENDED, OPEN, MORE = sys.argv[1:8]
STATUS = "(document.getElementById('status')?.textContent ?? '')"
LISTED = ("!document.getElementById('find').hidden"
          " && document.querySelectorAll('#list tr.recording').length")


class Page:
    def __init__(self, socket):
        self.socket, self.number, self.errors, self.requests = socket, 0, [], []

    async def call(self, method, **parameters):
        self.number += 1
        mine = self.number
        await self.socket.send(json.dumps({"id": mine, "method": method, "params": parameters}))
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 90))
            if message.get("id") == mine:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    async def value(self, expression):
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def until(self, what, expression):
        for _ in range(900):
            if await self.value(expression):
                return
            await asyncio.sleep(0.1)
        await self.shot("failed")
        text = await self.value("document.body.innerText")
        raise AssertionError(f"{what}: never\n{text}\n{self.errors}")

    async def key(self, key):
        numbers = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}
        common = {"key": key, "windowsVirtualKeyCode": numbers.get(key, 0)}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else None)
        down = {"text": text} if text else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **down)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def type(self, text):
        for letter in text:
            await self.key(letter)

    async def shot(self, name):
        image = (await self.call("Page.captureScreenshot"))["data"]
        pathlib.Path(SHOTS, f"{name}.png").write_bytes(base64.b64decode(image))

    async def scheme(self, name):
        features = [{"name": "prefers-color-scheme", "value": name}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def size(self, width, height, mobile=False):
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                        deviceScaleFactor=1, mobile=mobile)

    async def screen(self):
        return await self.value("document.getElementById('screen').innerText")

    async def time(self):
        return float(await self.value("document.getElementById('seek').value"))

    async def focused(self):
        active = "document.activeElement"
        return await self.value(f"{active}.id || {active}.name || {active}.tagName")

    async def tab_to(self, what, expression):
        for _ in range(60):
            if await self.value(expression):
                return
            await self.key("Tab")
        raise AssertionError(f"Tab never reaches {what}; it is at {await self.focused()}")


def claim(what, is_so, seen=""):
    if not is_so:
        raise AssertionError(f"{what}: {seen}")


async def log_in(page):
    await page.until("the token is asked for",
                     "document.getElementById('login')?.hidden === false")
    claim("its field has the focus", await page.focused() == "token", await page.focused())
    await page.shot("login")
    await page.type("wrong-token-of-this-test")
    await page.key("Enter")
    await page.until("a wrong one is refused", f"/token/.test({STATUS})")
    claim("and asked for again", await page.focused() == "token", await page.focused())
    await page.value("document.getElementById('token').value = ''")
    await page.type(TOKEN)
    await page.key("Enter")
    await page.until("the list is there", f"{LISTED} === 2")


async def search(page):
    claim("the first field has the focus", await page.focused() == "text", await page.focused())
    await page.shot("list-light")
    colour = "getComputedStyle(document.body).backgroundColor"
    await page.scheme("dark")
    claim("dark is dark", await page.value(colour) == "rgb(16, 20, 24)", await page.value(colour))
    await page.shot("list-dark")
    await page.scheme("light")
    claim("light is light", await page.value(colour) == "rgb(255, 255, 255)")
    await page.type("second-output")
    await page.key("Enter")
    await page.until("one is found", f"{LISTED} === 1")
    await page.until("with links to seconds",
                     f"document.querySelector('#list a[href^=\"#{ENDED}@\"]') !== null")
    await page.shot("found")
    claim("the words are marked",
          await page.value("document.querySelector('#list mark').textContent") == "second-output")
    address = await page.value("location.hash")
    claim("the address has the search", address == "#?text=second-output", address)


async def play(page):
    await page.tab_to("the recording",
                      f"document.activeElement.getAttribute('href') === '#{ENDED}'")
    await page.key("Enter")
    await page.until("it is loaded", f"/events$/.test({STATUS})")
    claim("Play has the focus", await page.focused() == "play", await page.focused())
    claim("it stands at the beginning", await page.time() == 0, await page.time())
    commands = "document.querySelectorAll('#commands li').length"
    await page.until("the commands are there", f"{commands} === 3")
    await page.key("]")
    first = await page.time()
    await page.key("]")
    second = await page.time()
    claim("] goes from command to command", 0 < first < second, f"{first} {second}")
    marked = "document.querySelectorAll('#commands [aria-current]').length"
    claim("the command is marked", await page.value(marked) == 1)
    await page.key("[")
    claim("[ goes back", await page.time() == first, await page.time())
    await page.key("ArrowRight")
    claim("→ is five seconds", abs(await page.time() - first - 5) < 0.2, await page.time())
    await page.key("ArrowLeft")
    claim("← goes back", abs(await page.time() - first) < 0.2, await page.time())
    await page.value("(() => { const seek = document.getElementById('seek');"
                     "seek.value = seek.max; seek.dispatchEvent(new Event('input')); })()")
    text = await page.screen()
    claim("the end shows the last words", "third-output" in text, text)
    markup = await page.value("document.querySelectorAll('#screen img').length")
    claim("markup is shown as text", "<img src=x>" in text and markup == 0, text)
    await page.shot("player-light")
    await page.scheme("dark")
    await page.shot("player-dark")
    await page.scheme("light")
    # The recording lasts three minutes, almost all of them pauses.
    for _ in range(3):
        await page.key(">")
    speed = "document.getElementById('speed').value"
    claim("> is faster", await page.value(speed) == "16", await page.value(speed))
    await page.key(" ")
    label = "document.getElementById('play').textContent"
    position = "Number(document.getElementById('seek').value)"
    await page.until("it ends by itself", f"{label} === 'Play' && {position} > 179")
    claim("all of it was shown", "third-output" in await page.screen())
    await page.key("<")
    claim("< is slower", await page.value(speed) == "4", await page.value(speed))
    await page.value("document.querySelectorAll('#commands button')[1].click()")
    claim("a click on a command goes there", abs(await page.time() - second) < 0.11,
          await page.time())
    await page.value("document.getElementById('link').click()")
    link = await page.value("location.href")
    claim("the address names the second", link.endswith(f"#{ENDED}@{int(second)}"), link)
    return link, int(second)


async def follow(page, link, second):
    await page.call("Page.navigate", url="about:blank")
    await page.call("Page.navigate", url=link)
    await page.until("the link is loaded", f"/events$/.test({STATUS})")
    claim("it stands at its second", abs(await page.time() - second) < 0.2, await page.time())
    await page.key("Escape")
    await page.until("Escape leads to the list", f"{LISTED} === 2")


async def watch(page):
    await page.value(f"location.hash = '#{OPEN}'")
    shown = "document.getElementById('screen').innerText"
    await page.until("the running session is shown", f"{shown}.includes('live-first')")
    facts = await page.value("document.getElementById('facts').textContent")
    claim("it says that it runs", "running now" in facts, facts)
    title = await page.value("document.getElementById('title').textContent")
    claim("a name is text", title == "<img src=x onerror=alert(1)>", title)
    pathlib.Path(MORE).touch()
    await page.until("what happens is shown as it happens", f"{shown}.includes('live-more')")
    await page.key("Home")
    follow = "!document.getElementById('follow').hidden"
    claim("one may look back", await page.time() < 1 and await page.value(follow))
    await page.value("document.getElementById('follow').click()")
    claim("and go to now", await page.time() > 59 and not await page.value(follow))
    await page.shot("live")


async def hostile(page):
    """What people and programs were called is nowhere read as HTML."""
    await page.value("location.hash = '#?user=' + encodeURIComponent('<img src=x onerror=alert(1)>')")
    await page.until("the name is found", f"{LISTED} === 1")
    markup = "document.querySelectorAll('img, script:not([src]), iframe').length"
    claim("nothing of it is markup", await page.value(markup) == 0)
    row = await page.value("document.querySelector('#list tr.recording').innerText")
    claim("it is shown as it is", "<img src=x onerror=alert(1)>" in row, row)
    await page.value("location.hash = '#?text=' + encodeURIComponent('\" OR \"')")
    await page.until("what looks like a query is searched as it is", f"{LISTED} === 0")
    await page.value("location.hash = ''")
    await page.until("the list is there", f"{LISTED} === 2")


async def terminal(page):
    script = pathlib.Path(__file__).with_name("terminal.js").read_text()
    result = await page.call("Runtime.evaluate", expression=script, awaitPromise=True,
                             returnByValue=True)
    claim("what was recorded looks as in a terminal", result["result"].get("value") == "[]",
          result)


async def narrow(page):
    width = "document.documentElement.scrollWidth"
    await page.size(400, 800, mobile=True)
    await page.value(f"location.hash = '#{ENDED}'")
    await page.until("it is loaded", f"/events$/.test({STATUS})")
    await page.shot("player-narrow")
    claim("a small screen shows all", await page.value(width) <= 400, await page.value(width))
    await page.value("location.hash = ''")
    await page.until("the list is there", f"{LISTED} === 2")
    await page.shot("list-narrow")
    claim("of the list too", await page.value(width) <= 400, await page.value(width))


async def main(port):
    address = f"http://127.0.0.1:{port}/json/new?about:blank"
    with urllib.request.urlopen(urllib.request.Request(address, method="PUT")) as reply:
        socket_address = json.load(reply)["webSocketDebuggerUrl"]
    async with connect(socket_address, max_size=None) as socket:
        page = Page(socket)
        for domain in ("Page", "Runtime", "Network"):
            await page.call(f"{domain}.enable")
        await page.size(1280, 800)
        await page.scheme("light")
        await page.call("Page.navigate", url=f"{URL}/web")
        await log_in(page)
        await search(page)
        await follow(page, *await play(page))
        await watch(page)
        await hostile(page)
        await terminal(page)
        await narrow(page)
        claim("nothing went wrong", page.errors == [], page.errors)
        foreign = [url for url in page.requests if not url.startswith((URL, "about:", "data:"))]
        claim("nothing is loaded from elsewhere", foreign == [], foreign)


with tempfile.TemporaryDirectory() as profile:
    arguments = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking", "--remote-debugging-port=0",
        f"--user-data-dir={profile}", "about:blank",
    ]
    browser = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               text=True)
    try:
        found = None
        for line in browser.stderr:
            found = re.search(r"DevTools listening on ws://[^:]+:(\d+)/", line)
            if found:
                break
        claim("chromium starts", found)
        asyncio.run(main(found[1]))
        print("ok")
    finally:
        browser.kill()
        browser.communicate()
