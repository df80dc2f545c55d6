# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the page of conntuned-http: is it well-formed and fit for all readers, and does it say what the API says?"""
import html.parser
import math
import re

VOID = {"meta", "link", "br", "hr", "img", "input"}

# What of the API's answer the page doesn't tell one by one: pictures and tables of it do, or it is a detail for programs.
QUIET = ("daemon.pid", "daemon.look_seconds", "daemon.stall_seconds", "action_counts", "expected.histogram", "exact.nodes",
         "exact.histogram", "own_entries", "namespaces.entries", "expected.refusing_lengths", "time", "foreign_writes")
ACTIONS_SHOWN = 8


class Reader(html.parser.HTMLParser):
    """@shown: path in the API, and what the page has there. @faults: what is wrong, in words."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.wanted, self.shown, self.faults, self.count = [], set(), [], [], [], {}
        self.said = ""
        self.feed(text)
        self.close()
        self.finish()

    def fault(self, words):
        self.faults.append(f"line {self.getpos()[0]}: {words}")

    def handle_starttag(self, tag, attrs):
        about = dict(attrs)
        self.count[tag] = self.count.get(tag, 0) + 1
        if len(about) != len(attrs) or None in about.values() and tag not in ("script", "ol"):
            self.fault(f"<{tag}> has an attribute twice, or one without a value")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.fault(f"<{tag} {name}> isn't allowed by the policy")
            if name in ("href", "src") and not value.startswith(("/", "#", "data:,")):
                self.fault(f"<{tag}> wants {value}, which is elsewhere")
        if "id" in about:
            if about["id"] in self.ids:
                self.fault(f"id {about['id']} is there twice")
            self.ids.add(about["id"])
        self.wanted += about.get("aria-labelledby", "").split()
        if tag == "svg" and about.get("role") != "img" and not any(a.get("aria-hidden") or t == "svg" for t, a, _ in self.open) \
                and not about.get("aria-hidden"):
            self.fault("a picture that isn't told to be one")
        if tag == "th" and "scope" not in about:
            self.fault("<th> without scope")
        if tag not in VOID:
            self.open.append([tag, about, ""])
            if tag == "caption" and self.open[-2][0] == "table":
                self.open[-2][1]["has-caption"] = True

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        for one in self.open:
            one[2] += data

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.fault(f"</{tag}> within {[t for t, _, _ in self.open]}")
            return
        _, about, text = self.open.pop()
        if tag == "table" and "has-caption" not in about:
            self.fault("a table without a caption")
        if tag == "svg" and about.get("role") == "img" and "aria-labelledby" not in about:
            self.fault("a picture without a name")
        if "data-api" in about:
            self.shown.append((about["data-api"], about.get("value", about.get("data-value")), text))

    def finish(self):
        if self.open:
            self.fault(f"not closed: {[t for t, _, _ in self.open]}")
        for name in self.wanted:
            if name not in self.ids:
                self.fault(f"nothing has the id {name}")
        for tag in ("h1", "main", "header", "footer", "nav", "title"):
            if self.count.get(tag, 0) < 1 or tag in ("h1", "main") and self.count[tag] > 1:
                self.fault(f"<{tag}> is there {self.count.get(tag, 0)} times")


def leaves(value, path=""):
    """All that isn't a list or an object, with its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
        return
    for name, v in items:
        yield from leaves(v, f"{path}.{name}" if path else str(name))


def is_same(path, value, number, text):
    if path == "trouble":   # how old it is may have changed in between
        return re.sub(r"\d+", "N", text) == re.sub(r"\d+", "N", value)
    if isinstance(value, str):
        return text == value
    if number is None:
        return False
    if path == "age_seconds":
        return abs(float(number) - value) < 5
    return math.isclose(float(number), value, rel_tol=1e-9, abs_tol=1e-12)


def must_be_shown(api):
    older = max(0, len(api.get("actions", [])) - ACTIONS_SHOWN)
    for path, value in leaves(api):
        parts = path.split(".")
        if isinstance(value, bool) or isinstance(value, str) and parts[0] not in ("cause", "actions", "foreign", "namespaces"):
            continue
        if path == "cause.name" or any(path == q or path.startswith(q + ".") for q in QUIET):
            continue
        if parts[0] == "actions" and int(parts[1]) < older:
            continue
        if parts[0] == "exact" and "expected" not in api:
            continue
        if api["old"] and path in ("cause.evidence", "cause.remedy", "state_seconds"):
            continue    # what is to be done isn't known then
        yield path


def differences(api, shown):
    """Between the API's answer and what the page shows, in words."""
    values = dict(leaves(api))
    for path, number, text in shown:
        if path not in values:
            yield f"the page has {path}, the API hasn't"
        elif not is_same(path, values[path], number, text):
            yield f"{path}: the page says {number or text!r}, the API {values[path]!r}"
    there = {path for path, _, _ in shown}
    for path in must_be_shown(api):
        if path not in there:
            yield f"the page lacks {path}"
