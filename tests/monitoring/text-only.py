#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A scraper that knows the text format only: passes GET on to URL without the header Accept.

text-only.py URL FILE: listens on a free port of 127.0.0.1 and writes its number to FILE. Prometheus 2.42 can't be told
which format to ask for; this can.
"""
import http.server
import os
import sys
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        request = urllib.request.Request(sys.argv[1] + self.path, headers={"Accept": "text/plain"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body, kind = answer.read(), answer.headers["Content-Type"]
        except OSError as error:
            self.send_error(502, str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2] + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
