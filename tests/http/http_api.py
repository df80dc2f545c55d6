# SPDX-License-Identifier: GPL-2.0-or-later
"""/api/v1/status against its schema, and the page against it, for every situation. Usage: http_api.py SCHEMA MAKE-SNAPSHOT ROOT
URL. Exit code 1: something is wrong."""
import json
import subprocess
import sys
import time
import urllib.request

import page
import schema

SITUATIONS = ("healthy", "filling", "full", "chain-limit", "stale", "advise", "hostile", "empty")
MOST_BYTES = 60 << 10


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode(), answer.headers


def fresh(url, name, begin):
    """The answer once it is of a snapshot that was made after @begin; the one that is stale is older, and says so."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        text, headers = get(url + "api/v1/status")
        api = json.loads(text)
        if api["old"] if name == "stale" else api.get("time", 0) >= begin:
            return api, headers
        time.sleep(0.05)
    raise SystemExit(f"FAIL: in 20 s no answer of a new snapshot, but {text[:300]}")


def faults_of(url, document, name, begin):
    api, headers = fresh(url, name, begin)
    text, page_headers = get(url)
    reader = page.Reader(text)
    yield from schema.faults(document, api)
    yield from reader.faults
    yield from page.differences(api, reader.shown)
    if headers["Content-Type"] != "application/json":
        yield f"Content-Type of the API: {headers['Content-Type']}"
    if "default-src 'none'" not in page_headers.get("Content-Security-Policy", "") or "unsafe" in \
            page_headers["Content-Security-Policy"]:
        yield f"policy of the page: {page_headers.get('Content-Security-Policy')}"
    if len(text.encode()) > MOST_BYTES:
        yield f"the page has {len(text.encode())} bytes"
    if api["old"] != (name == "stale"):
        yield f"old is {api['old']}"


def main(path, maker, root, url):
    with open(path) as f:
        document = json.load(f)
    failures = 0
    faults = {"the schema": list(schema.undocumented(document))}
    for name in SITUATIONS:
        for options in ((), ("--observed",)):
            begin = time.time() - 0.001
            subprocess.run([maker, "--root", root, *options, name], check=True)
            faults[" ".join((name, *options))] = list(faults_of(url, document, name, begin))
    # what the schema doesn't know is found
    api = json.loads(get(url + "api/v1/status")[0])
    for wrong in ({"entries": -1}, {"entries": "1"}, {"mode": "other"}, {"more": 1}, {"state": None}):
        if not list(schema.faults(document, {**api, **wrong})):
            faults[str(wrong)] = ["fits the schema, though it shouldn't"]
    for name, found in faults.items():
        failures += bool(found)
        for words in found[:5]:
            print(f"FAIL: {name}: {words}")
    print(f"{len(faults)} answers looked at, {failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
