#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that aren't what one hopes for: see the functions whose names begin with do_. Each prints key=value lines; what
# mustn't be is an assertion.
import os
import random
import re
import resource
import select
import socket
import sys
import time

MARK = b"xyzzyplugh"  # nothing that is asked for may come back


def connect(port, source="127.0.0.1", timeout=10):
    s = socket.socket()
    s.settimeout(timeout)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except (ConnectionError, TimeoutError):
        pass
    return data


def read_answer(f):
    """Status and body; None: the connection ended."""
    line = f.readline()
    if not line:
        return None
    length = 0
    while (header := f.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(line.split()[1]), f.read(length)


def ask(port, request):
    """All that comes back until the other side closes; b"" if it just hung up."""
    with connect(port) as s:
        try:
            s.sendall(request)
            select.select([s], [], [], 0.03)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def status_of(answer):
    """Of the first answer in what came back, which has to be whole; "closed": there is none."""
    if not answer:
        return "closed"
    assert answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), answer[:100]
    status = answer[9:12].decode()
    assert status.isdigit() and b"\r\n\r\n" in answer, answer[:100]
    return status


def is_well(port):
    with connect(port) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(s.makefile("rb")) == (200, b"ok\n")


def do_pipeline(port, count):
    with connect(port) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * count + b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        f = s.makefile("rb")
        answers = [read_answer(f) for _ in range(count)]
        assert answers == [(200, b"ok\n")] * count, answers
        assert f.readline() == b"HTTP/1.1 200 OK\r\n"
        assert f.read().endswith(b"\r\n\r\n")
    print(f"answers={count}")


def do_early(port, count):
    """Gone in the middle of a request, or before the answer was read, politely or not."""
    for i in range(count):
        s = connect(port)
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if i % 3 else b""))
        s.close()
    is_well(port)
    print(f"gone={count}")


def do_big(port, size):
    """Headers, names of headers, lines and bodies that are far too long."""
    filler = MARK * (size // len(MARK))
    requests = {
        "header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + filler,
        "name": b"GET / HTTP/1.1\r\nHost: x\r\n" + filler,
        "many": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * (size // 6),
        "path": b"GET /" + filler,
        "query": b"GET /?" + filler,
        "method": filler,
        "lines": b"\r\n" * (size // 2),
        "body": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + str(len(filler)).encode() + b"\r\n\r\n" + filler,
        "post": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + str(len(filler)).encode() + b"\r\n\r\n" + filler,
        "cookies": b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + filler,
        "browser": b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: " + b"a" * 200 + b"\r\nCookie: a=" + MARK * 400,
    }
    # whatever libmicrohttpd finds too long it says so, and hangs up on none of these
    expected = {"body": ("200", "413"), "post": ("405", "413"), "browser": ("200",)}
    for what, request in requests.items():
        answer = ask(port, request + (b"" if what in ("body", "post") else b"\r\n\r\n"))
        status = status_of(answer)
        assert status in expected.get(what, ("414", "431")), (what, status)
        assert MARK not in answer, what
        print(f"{what}={status}")
    is_well(port)


SEEDS = [
    b"GET /metrics HTTP/1.1\r\nHost: localhost:9877\r\nAccept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\r\n"
    b"Accept-Encoding: gzip\r\nUser-Agent: Prometheus/2.42.0\r\n\r\n",
    b"GET /?" + MARK + b"=%00%0d%0a%ff&a=b HTTP/1.1\r\nHost: x\r\nCookie: " + MARK + b"\r\n\r\n",
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"GET /" + MARK + b"%2f..%2f..%2fetc/passwd HTTP/1.1\r\nHost: " + MARK + b"\r\n\r\n",
    b"POST /api/v1/status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
]
WORDS = [b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"%", b"%00", b"?", b"/", b"//", b"..", b"\xff", b"<script>",
         b"HTTP/1.1", b"HTTP/9.9", b"HTTP/0.9", b"-1", b"18446744073709551616", b"Content-Length: 99999\r\n", b"Host: \r\n",
         b"Transfer-Encoding: chunked\r\n", b"gzip;q=", b"q=1e999", b",", b";", b"=" * 50, b"a" * 5000]


def mutate(rng):
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at] = rng.choice(WORDS)
        elif kind == 2:
            del data[at:at + rng.randint(1, 20)]
        elif kind == 3:
            data[at:at] = data[at:at + rng.randint(1, 100)]
        else:
            data[at:at + rng.randint(0, 8)] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
    return bytes(data)


# ours, and libmicrohttpd's; 100 comes before another one
STATUSES = {"100", "200", "400", "404", "405", "413", "414", "417", "431", "501", "505"}

# libmicrohttpd hangs up without a word on what has no request line, or no end, which may be that of a body; all else is
# answered
WHOLE = re.compile(rb"(\r\n)*[A-Z]+ [!-~]+ HTTP/1\.[01]\r\n((?!content-length|transfer-encoding)[!-9;-~]+: ?[ -~]*\r\n)*\r\n", re.I)


def do_fuzz(port, count, seed):
    """Requests that are almost right. Each gets an answer that means something, or is none."""
    rng = random.Random(seed)
    statuses = {}
    for i in range(count):
        request = mutate(rng)
        answer = ask(port, request)
        status = status_of(answer)
        assert status in STATUSES or status == "closed", (seed, i, request, answer[:100])
        assert status != "closed" or not WHOLE.match(request), (seed, i, request)
        assert MARK not in answer and b"<script>" not in answer, (seed, i, request, answer)
        statuses[status] = statuses.get(status, 0) + 1
    is_well(port)
    print(f"requests={count}")
    for status, n in sorted(statuses.items()):
        print(f"{status}={n}")


def do_drips(port, count, seconds):
    """One byte a second, half of them after a good request on the same connection."""
    socks = {}
    for i in range(count):
        s = connect(port)
        if i % 2:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(s.makefile("rb")) == (200, b"ok\n")
        socks[s] = time.monotonic()
    ages = []
    request = b"GET / HTTP/1.1\r\nX: " + b"x" * 1000
    for i in range(seconds):
        for s in list(socks):
            try:
                s.sendall(request[i:i + 1])
            except OSError:
                pass
        end = time.monotonic() + 1
        while (left := end - time.monotonic()) > 0 and socks:
            for s in select.select(list(socks), [], [], left)[0]:
                data = read_all(s)
                assert b"HTTP/1.1 200" not in data
                ages.append(time.monotonic() - socks.pop(s))
                s.close()
        if not socks:
            break
    print(f"left={len(socks)}")
    print(f"first_gone={min(ages, default=0):.1f}")
    print(f"last_gone={max(ages, default=0):.1f}")


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Flood:
    """Connections that never finish a request; some say one more byte each second."""

    def __init__(self, port, half_open, drips):
        self.port, self.closed, self.ages = port, 0, []
        self.poll = select.poll()
        self.socks, self.drips = {}, []
        self.todo = [False] * half_open + [True] * drips
        random.Random(1).shuffle(self.todo)

    def open_some(self, n):
        for drip in self.todo[:n]:
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.socks[s.fileno()] = (s, time.monotonic())
            self.poll.register(s, select.POLLIN | select.POLLOUT)
            if drip:
                self.drips.append(s)
        del self.todo[:n]

    def turn(self):
        for fd, event in self.poll.poll(0):
            s, begun = self.socks[fd]
            if event & select.POLLOUT and not event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self.poll.modify(s, select.POLLIN)
                try:
                    s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
                except OSError:
                    pass
                continue
            self.poll.unregister(s)
            del self.socks[fd]
            if s in self.drips:
                self.ages.append(time.monotonic() - begun)
                self.drips.remove(s)
            s.close()
            self.closed += 1

    def drip(self):
        for s in self.drips:
            try:
                s.send(b"x")
            except OSError:
                pass


def scrape(port, source):
    begun = time.monotonic()
    with connect(port, source) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = read_answer(s.makefile("rb"))
    assert answer is None or answer[0] == 200, answer
    return (time.monotonic() - begun) * 1e3, answer is not None


def do_deaf(port, addresses):
    """Crowds that ask for a lot and never read keep nobody out; 2 s after they came. Their connections end, too."""
    crowd = []
    for i in range(addresses * 100):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.bind((f"127.0.0.{10 + i % addresses}", 0))
        s.settimeout(5)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        crowd.append(s)
        try:
            s.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        except OSError:
            pass
    time.sleep(2)
    failed = 0
    for source in ("127.0.0.1", "127.0.0.2", "127.0.0.10"):
        try:
            failed += not scrape(port, source)[1]
        except OSError:
            failed += 1
    for s in crowd:
        s.close()
    print(f"failed={failed}")


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def do_flood(port, pid, half_open, drips, seconds):
    """Real scrapes by new connections from the flood's own address and from another one, in the middle of it."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    # what a scrape takes is no growth
    for _ in range(20):
        scrape(port, "127.0.0.1")
    before = most = memory_kib(pid)
    flood = Flood(port, half_open, drips)
    times = {"127.0.0.1": [], "127.0.0.2": []}
    failed = 0
    begun = last_drip = time.monotonic()
    child, out = os.fork(), None
    if child == 0:
        # the flood is a process of its own, so that the scraper waits for nobody but the server
        while time.monotonic() - begun < seconds:
            flood.open_some(50)
            flood.turn()
            if time.monotonic() - last_drip >= 1:
                last_drip = time.monotonic()
                flood.drip()
            time.sleep(0.002)
        print(f"flood_closed={flood.closed}")
        print(f"drips_left={len(flood.drips)}")
        print(f"drip_last_gone={max(flood.ages, default=0):.1f}", flush=True)
        os._exit(0)
    while time.monotonic() - begun < seconds:
        for source, values in times.items():
            try:
                ms, fine = scrape(port, source)
            except OSError:
                fine = False
            if fine:
                values.append(ms)
            else:
                failed += 1
        most = max(most, memory_kib(pid))
        time.sleep(0.02)
    os.waitpid(child, 0)
    for name, source in (("same", "127.0.0.1"), ("other", "127.0.0.2")):
        print(f"{name}_scrapes={len(times[source])}")
        print(f"{name}_p50_ms={percentile(times[source], 50):.2f}")
        print(f"{name}_p99_ms={percentile(times[source], 99):.2f}")
        print(f"{name}_most_ms={max(times[source], default=0):.2f}")
    print(f"failed={failed}")
    print(f"before_kib={before}")
    print(f"most_kib={most}")
    print(f"growth_kib={most - before}")


def main():
    do, *arguments = sys.argv[1:]
    globals()["do_" + do](*(int(a) for a in arguments))


main()
