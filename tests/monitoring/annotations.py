#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Alert rules, as `promtool` doesn't look at them: severity, texts, and that remedies name what there is.

annotations.py RULES COMMANDS SETTINGS TEST...: COMMANDS is a file with a word of `conntune` on each line, SETTINGS is
conntuned.conf, TEST are promtool's unit tests. One line for each thing that is wrong; exit code 1 if there is any.
No YAML library is needed: the file is ours, one key on a line.
"""
import re
import sys

rules, commands, settings = (open(name, encoding="utf-8").read() for name in sys.argv[1:4])
tests = "".join(open(name, encoding="utf-8").read() for name in sys.argv[4:])
words = set(commands.split())
keys = set(re.findall(r"^#(\w+)=", settings, re.M))
alerts = re.split(r"^ +- alert: ", rules, flags=re.M)
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


for alert in alerts[1:]:
    name = alert.split()[0]
    check(re.search(r"^ +severity: (critical|warning|info)$", alert, re.M), f"{name}: no severity")
    check(re.search(r"^ +summary: '.{20,}'$", alert, re.M), f"{name}: no summary")
    check(re.search(r"^ +description: \|\n.{20}", alert, re.M), f"{name}: no description")
    check("Remedy" in alert, f"{name}: no remedy")
    check(f'alertname="{name}"' in tests, f"{name}: no test")
    for word in re.findall(r"`conntune (\w+)", alert):
        check(word in words, f"{name}: there is no `conntune {word}`")
    for key in re.findall(r"\b([A-Z][A-Za-z]+)=(?!=)", alert):
        check(key in keys, f"{name}: conntuned.conf has no {key}=")
names = [alert.split()[0] for alert in alerts[1:]]
check(len(set(names)) == len(names), "two alerts have one name")
for before in alerts[:-1]:
    lines = before.rstrip().split("\n")
    check(lines[-1].lstrip().startswith("#") or "rules:" in lines[-1], f"the alert after {before.split()[0]}: no reason for its threshold")
print(f"{len(names)} alerts")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
