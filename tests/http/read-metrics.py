# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads both formats back with Prometheus' own parsers: types, values, no family twice.

read-metrics.py VALUES TEXT OPEN MOST: three files, as print-metrics wrote them, and how many series there may be.
"""
import re
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as open_parser

OPEN_TYPES = {
    "conntune_entries": "gauge",
    "conntune_drop": "counter",
    "conntune_expected_chain_length": "gaugehistogram",
    "conntune_exact_chain_length": "gaugehistogram",
    "conntuned_state": "stateset",
    "conntuned_build": "info",
    "conntuned_mode": "info",
    "conntune_cause": "info",
    "conntuned_actions": "counter",
    "conntuned_look_duration_seconds": "histogram",
    "conntuned_stall_seconds": "histogram",
    "conntuned_http_build": "info",
    "conntuned_http_connections": "counter",
    "process_cpu_seconds": "counter",
}
TEXT_TYPES = {
    "conntune_drop": "counter",
    "conntune_expected_chain_length": "histogram",
    "conntune_expected_chain_length_gcount": "gauge",
    "conntuned_state": "gauge",
    "conntuned_build_info": "gauge",
    "conntuned_look_duration_seconds": "histogram",
}
UNITS = ("seconds", "bytes", "ratio")

failures = 0
checks = 0


def is_so(what, holds):
    global failures, checks
    checks += 1
    if not holds:
        failures += 1
        print(f"FAIL: {what}")


def collect(families):
    """{(sample, labels): value}; fails if a family or a sample is there twice."""
    samples, names = {}, set()
    for family in families:
        is_so(f"{family.name} once", family.name not in names)
        is_so(f"{family.name} has help", bool(family.documentation))
        names.add(family.name)
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            is_so(f"{key} once", key not in samples)
            samples[key] = sample.value
    return samples


def check_types(kind, families, wanted):
    for family in families:
        if family.name in wanted:
            is_so(f"{kind}: {family.name} is {family.type}", family.type == wanted[family.name])


def check_units(families):
    for family in families:
        ending = family.name.rsplit("_", 1)[-1]
        is_so(f"{family.name}: unit {family.unit!r}", family.unit == (ending if ending in UNITS else ""))


def check_values(samples, path):
    """Each line of the snapshot's own values is a sample; {label value} is one of its labels."""
    plain = {}
    for (name, labels), value in samples.items():
        plain[name if not labels else f"{name}{{{labels[0][1]}}}"] = value
    with open(path) as lines:
        for line in lines:
            name, value = line.split()
            if name == "conntune_limit" and value == "0":
                continue
            if value in ("nan", "-nan", "inf", "-inf"):
                is_so(f"{name} is absent", name not in plain)
                continue
            is_so(f"{name}: {plain.get(name)} is {value}", float(plain.get(name, "nan")) == float(value))


def check_labels(samples):
    for name, labels in samples:
        for _, value in labels:
            is_so(f"{name}: {value!r} is printable", re.fullmatch("[ -~]{0,127}", value))


def main():
    values, text_path, open_path, most = sys.argv[1:]
    with open(text_path) as f:
        text_families = list(parser.text_fd_to_metric_families(f))
    with open(open_path) as f:
        open_families = list(open_parser.text_fd_to_metric_families(f))
    text, openmetrics_samples = collect(text_families), collect(open_families)

    check_types("text", text_families, {re.sub("_total$", "", k): v for k, v in TEXT_TYPES.items()})
    check_types("open", open_families, OPEN_TYPES)
    check_units(open_families)
    age = ("conntuned_snapshot_age_seconds", ())
    for key in text.keys() | openmetrics_samples.keys():
        # that one grows between the two
        same = key == age or float(text.get(key, "nan")) == float(openmetrics_samples.get(key, "nan"))
        is_so(f"{key} is the same in both formats", same)
    check_values(text, values)
    check_values(openmetrics_samples, values)
    check_labels(text)
    is_so(f"{len(text)} series are below {most}", len(text) < int(most))
    print(f"{checks} checks, {failures} failed, {len(text)} series")
    return 1 if failures else 0


sys.exit(main())
