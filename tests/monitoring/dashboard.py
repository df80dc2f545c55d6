#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard: well-formed, and each of its queries is answered with series by a Prometheus.

dashboard.py FILE                       look at the file
dashboard.py FILE URL JOB [NAME...]     ask the Prometheus at URL, too, with variables set to all of JOB; queries that
                                        have one of the metrics NAME may return nothing
One line for each thing that is wrong; exit code 1 if there is any.
"""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


def all_panels(panels):
    for panel in panels:
        yield panel
        yield from all_panels(panel.get("panels", []))


def overlap(a, b):
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def look_at_panel(panel):
    name = f"panel {panel['id']} '{panel.get('title')}'"
    grid = panel["gridPos"]
    check(panel.get("title"), f"{name}: no title")
    check(grid["x"] + grid["w"] <= 24, f"{name}: wider than the dashboard")
    if panel["type"] == "row":
        return
    check(len(panel.get("description", "")) > 10, f"{name}: no description")
    check(panel["targets"], f"{name}: no query")
    defaults = panel["fieldConfig"]["defaults"]
    check("unit" in defaults, f"{name}: no unit")
    check(defaults["thresholds"]["steps"][0]["value"] is None, f"{name}: the first threshold has to be the base")
    refs = [t["refId"] for t in panel["targets"]]
    check(len(set(refs)) == len(refs), f"{name}: refIds {refs}")
    for source in [panel["datasource"]] + [t["datasource"] for t in panel["targets"]]:
        check(source == {"type": "prometheus", "uid": "${datasource}"}, f"{name}: datasource {source}")


def look(board):
    panels = list(all_panels(board["panels"]))
    ids = [panel["id"] for panel in panels]
    check(len(set(ids)) == len(ids), f"ids are not unique: {sorted(i for i in ids if ids.count(i) > 1)}")
    check(board["id"] is None, "id: Grafana gives it")
    for panel in panels:
        look_at_panel(panel)
    for n, panel in enumerate(panels):
        for other in panels[n + 1:]:
            check(not overlap(panel["gridPos"], other["gridPos"]), f"panels {panel['id']} and {other['id']} overlap")
    variables = [v["name"] for v in board["templating"]["list"]]
    check({"datasource", "job", "instance"} <= set(variables), f"variables: {variables}")
    for name, expr in queries(board):
        for variable in re.findall(r"\$\{?(\w+)", expr):
            check(variable in variables or variable.startswith("__"), f"{name}: no variable {variable}")


def queries(board):
    for panel in all_panels(board["panels"]):
        for target in panel.get("targets", []):
            yield f"panel {panel['id']} '{panel['title']}' {target['refId']}", target["expr"]
    for note in board["annotations"]["list"]:
        if "expr" in note:
            yield f"annotation '{note['name']}'", note["expr"]


def ask(url, expr):
    data = urllib.parse.urlencode({"query": expr}).encode()
    try:
        with urllib.request.urlopen(url + "/api/v1/query", data, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def bare(expr, job):
    """As Grafana would send it, with a window that a test of seconds fills."""
    for name, value in (("$__rate_interval", "1m"), ("$__interval", "1m"), ("$__range", "5m"), ("$job", job), ("$instance", ".+")):
        expr = expr.replace(name, value)
    return expr


def may_be_empty(expr, name, absent):
    return name.startswith("annotation") or any(re.search(rf"\b{metric}\b", expr) for metric in absent)


def ask_all(board, url, job, absent):
    asked = 0
    for name, expr in queries(board):
        answer = ask(url, bare(expr, job))
        asked += 1
        if answer["status"] != "success":
            wrong.append(f"{name}: {answer['error']}: {expr}")
        elif not answer["data"]["result"] and not may_be_empty(expr, name, absent):
            wrong.append(f"{name}: no series: {expr}")
    print(f"{asked} queries asked")


with open(sys.argv[1], encoding="utf-8") as file:
    dashboard = json.load(file)
look(dashboard)
if len(sys.argv) > 3:
    ask_all(dashboard, sys.argv[2], sys.argv[3], sys.argv[4:])
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
