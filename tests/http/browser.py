# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, told what to do over a pipe (Chrome DevTools Protocol): nothing but Python and Chromium is needed."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
    "--disable-default-apps", "--no-proxy-server", "--remote-debugging-pipe",
]


class Trouble(Exception):
    pass


class Browser:
    """One browser with one page. What it asked for, and what it complained about, is in requests and complaints."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp(prefix="conntune-browser.")
        ours, theirs_out = os.pipe()
        theirs_in, self.to = os.pipe()
        self.at = ours
        self.rest = b""
        self.number = 0
        self.requests = []
        self.complaints = []
        self.loads = 0
        self.log = open(os.path.join(self.home, "log"), "wb")

        # the protocol is on descriptors 3 and 4 of the browser
        def place():
            first, second = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen([program, *FLAGS, "--user-data-dir=" + os.path.join(self.home, "profile"), "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=place,
                                        close_fds=False, env={**os.environ, "HOME": self.home}, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def close(self):
        try:
            self.session = None
            self.call("Browser.close", patience=5)
        except (Trouble, OSError):
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def read(self, until):
        """The next message, or None if there is none until then."""
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.at], [], [], left)[0]:
                return None
            more = os.read(self.at, 1 << 20)
            if not more:
                raise Trouble("the browser has ended: " + open(self.log.name, errors="replace").read()[-2000:])
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(message)
        self.note(message)
        return message

    def note(self, message):
        method, about = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(about["entry"]["text"] + " " + about["entry"].get("url", ""))
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(about["args"])[:500])

    def call(self, method, patience=20, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + patience
        while True:
            got = self.read(until)
            if got is None:
                raise Trouble(f"{method}: no answer in {patience} s")
            if got.get("id") == self.number:
                if "error" in got:
                    raise Trouble(f"{method}: {got['error']['message']}")
                return got["result"]

    def look(self, width, height=800, dark=False, still=True):
        """How wide the screen is, and what its owner likes."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}])

    def go(self, url):
        loads, until = self.loads, time.monotonic() + 20
        self.call("Page.navigate", url=url)
        while self.loads == loads:
            if self.read(until) is None:
                raise Trouble(url + " isn't loaded in 20 s")

    def run(self, script):
        """The value of an expression in the page, of its promise if it is one."""
        got = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise Trouble(script[:80] + ": " + json.dumps(got["exceptionDetails"])[:500])
        return got["result"].get("value")

    def wait(self, condition, patience=15):
        """Until a condition of the page holds."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            try:
                if self.run(condition):
                    return
            except Trouble:
                pass    # between two pages
            self.read(time.monotonic() + 0.05)
        raise Trouble(f"in {patience} s it didn't come to be: {condition}")

    def picture(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        got = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                        clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))
