# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at the page of conntuned-http in a browser: does it show what the API says, at any width, in any light, and does it
follow? Usage: http_page.py CONNTUNED-HTTP MAKE-SNAPSHOT CHROMIUM [DIRECTORY for pictures]. Exit code 1: something is wrong."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import page
from browser import Browser, Trouble

SITUATIONS = {
    # what the verdict says, and which sign it has
    "healthy": ("Healthy", "ok"),
    "filling": ("Nearly full, full in 40", "warn"),
    "full": ("Full, and memory allows no more", "bad"),
    "chain-limit": ("chains are too long", "bad"),
    "stale": ("Stale: these numbers are 2 min", "stale"),
    "advise": ("Healthy", "ok"),
}

SHOWN = """[...document.querySelectorAll("[data-api]")].map(e =>
    [e.dataset.api, e.getAttribute("value") ?? e.dataset.value ?? null, e.textContent])"""

# what reaches beyond the screen, but for tables that scroll within themselves
WIDE = """[document.documentElement.scrollWidth > innerWidth ? "the page itself" : "",
    ...[...document.querySelectorAll("body *")].filter(e => !e.closest("svg, .scroll, .skip") &&
        e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName + "." + e.className)].filter(Boolean).join(", ")"""

# text whose colour is too near to what is behind it: WCAG's contrast below 4.5
FAINT = """(() => {
    const parts = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
    const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (parts(c)[3] === 1) return c; } return "rgb(255, 255, 255)"; };
    const found = new Set();
    for (const e of document.querySelectorAll("body *")) {
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest(".skip, desc, title")) continue;
        const style = getComputedStyle(e), a = light(e.closest("svg") ? style.fill : style.color), b = light(behind(e));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) found.add(`${e.tagName}.${e.getAttribute("class")} ${ratio.toFixed(2)}`);
    }
    return [...found].join(", ");
})()"""


class Server:
    """conntuned-http on a port that is free, or on the one it had."""

    def __init__(self, program, root):
        self.program, self.root, self.port, self.process = program, root, 0, None

    def start(self):
        self.log = open(os.path.join(self.root, "log"), "w+")
        self.process = subprocess.Popen([self.program, "--root", self.root, "--listen", f"127.0.0.1:{self.port}"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with open(self.log.name) as f:
                said = re.search(r"answers on 127\.0\.0\.1:(\d+)$", f.read(), re.M)
            if said:
                self.port = int(said[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        with open(self.log.name) as f:
            raise Trouble("conntuned-http doesn't start: " + f.read())

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.log.close()
        self.process = None


class Test:
    def __init__(self, server, maker, browser, pictures):
        self.server, self.maker, self.browser, self.pictures = server, maker, browser, pictures
        self.checks = self.failures = 0

    def holds(self, what, fine, else_words=""):
        self.checks += 1
        if not fine:
            self.failures += 1
            print(f"FAIL: {what}: {else_words}")

    def url(self):
        return f"http://127.0.0.1:{self.server.port}/"

    def snapshot(self, *options):
        subprocess.run([self.maker, "--root", self.server.root, *options], check=True)

    def told(self, condition):
        """Until the API's answer, as the page's own script would get it, fits."""
        self.browser.wait(f"fetch('/api/v1/status').then(r => r.json()).then(o => {condition})")

    def compare(self, name):
        api = self.browser.run("fetch('/api/v1/status').then(r => r.json())")
        shown = self.browser.run(SHOWN)
        wrong = list(page.differences(api, shown))
        self.holds(f"{name}: what the page shows", not wrong, "; ".join(wrong[:5]))
        self.holds(f"{name}: how much it shows", len(shown) > 80, len(shown))

    def see(self, name, width, dark):
        where = f"{name}, {width} wide, {'dark' if dark else 'light'}"
        self.browser.look(width, dark=dark)
        wide, faint = self.browser.run(WIDE), self.browser.run(FAINT)
        self.holds(f"{where}: all is within the screen", not wide, wide)
        self.holds(f"{where}: contrast", not faint, faint)
        if self.pictures:
            self.browser.picture(os.path.join(self.pictures, f"{name}-{width}-{'dark' if dark else 'light'}.png"))

    def situation(self, name, words, sign):
        b, since = self.browser, time.time() - 0.001
        self.snapshot("--observed", name)
        if self.pictures:       # with this situation's history, which is read again some seconds later only
            b.go("about:blank")
            self.server.stop()
            self.server.start()
            b.go(self.url())
        b.look(1200)
        self.told("o.old" if name == "stale" else f"o.time >= {since}")
        b.go(self.url())
        verdict = b.run("document.querySelector('.verdict').className + ': ' + document.getElementById('verdict').textContent")
        self.holds(f"{name}: the verdict", verdict.startswith(f"verdict {sign}: ") and words in verdict, verdict)
        said = b.run("document.querySelector('.verdict').innerText")
        self.holds(f"{name}: advice is said to be that", ("Advice only" in said) == (name == "advise"), said)
        self.holds(f"{name}: pictures", b.run("document.querySelectorAll('svg.chart path.peak').length") == 2)
        self.compare(name)
        for width, dark in ((1200, False), (1200, True), (360, True), (360, False))[:4 if self.pictures else 3]:
            self.see(name, width, dark)

    def follows(self):
        """The script: what changes shows without a new page, and what the reader has done to it stays."""
        b = self.browser
        self.snapshot("healthy")
        b.look(360)
        b.go(self.url())
        self.told("!o.old && o.entries === 24000")
        b.run("window.mark = 1; document.querySelector('#hours-data').open = true; scrollTo(0, 900); "
              "document.querySelector('#hours-data summary').focus({preventScroll: true})")
        self.snapshot("--entries", "31234", "healthy")
        b.wait("document.querySelector('[data-api=entries]').value === '31234'")
        self.holds("the page is the same one", b.run("window.mark") == 1)
        self.holds("what was open stays", b.run("document.querySelector('#hours-data').open"))
        self.holds("the focus stays", b.run("document.activeElement.parentElement.id") == "hours-data")
        self.holds("it doesn't scroll", b.run("scrollY") == 900, b.run("scrollY"))
        self.snapshot("full")
        self.told("o.entries === 4194304")
        b.run("document.querySelector('.refresh').click()")
        b.wait("document.getElementById('live').textContent.startsWith('Now: Full')")
        self.holds("the title follows", b.run("document.title").startswith("Full"), b.run("document.title"))
        self.holds("nothing moves for those who don't like it", b.run("document.getAnimations().length") == 0)

    def is_alone(self):
        """Of all that has been asked for until here, nothing is elsewhere; and somebody would have said so."""
        b = self.browser
        elsewhere = [u for u in b.requests if not u.startswith(self.url()) and u not in ("data:,", "about:blank")]
        self.holds("only this server is asked", not elsewhere, elsewhere)
        self.holds("the browser complains of nothing", not b.complaints, b.complaints)
        b.run("document.body.setAttribute('style', 'color: red')")
        b.wait("true")
        self.holds("the policy forbids styles in the page", any("style" in c for c in b.complaints), b.complaints)

    def loses(self):
        b = self.browser
        self.server.stop()
        b.run("document.querySelector('.refresh').click()")
        b.wait("document.getElementById('live').textContent.startsWith('Connection lost')")
        self.holds("a lost connection is seen, too", b.run("document.body.classList.contains('offline')"))
        self.holds("the last numbers stay", b.run("document.querySelector('[data-api=entries]').value") == "4194304")
        if self.pictures:
            b.picture(os.path.join(self.pictures, "lost-360-light.png"))
        self.server.start()
        b.run("document.querySelector('.refresh').click()")
        b.wait("document.getElementById('live').textContent === 'Live'")
        self.holds("it is found again", not b.run("document.body.classList.contains('offline')"))


def main(program, maker, chromium, pictures=None):
    root = tempfile.mkdtemp(prefix="conntune-page.")
    server, browser, test = Server(program, root), None, None
    try:
        subprocess.run([maker, "--root", root, "healthy"], check=True)
        server.start()
        browser = Browser(chromium)
        test = Test(server, maker, browser, pictures)
        browser.go(test.url())
        for name, (words, sign) in SITUATIONS.items():
            test.situation(name, words, sign)
        test.follows()
        test.is_alone()
        test.loses()
    except Trouble as e:
        print("FAIL:", e)
        return 1
    finally:
        if browser:
            browser.close()
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    print(f"{test.checks} checks, {test.failures} failed")
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
