#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Alert and recording rules, scrape example and dashboard, without a server: understood by promtool, each alert fires when
# it should and is silent when it should, and remedies name commands and settings that there are.
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
need python3
assets=$src/etc/monitoring

# right WHAT COMMAND...: exits with 0; else its output is shown
right()
{
	what=$1
	shift
	checks=$((checks + 1))
	"$@" >"$tmp/out" 2>&1 || fail "$what: $(cat "$tmp/out")"
}

"$conntune" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' >"$tmp/commands"
is "commands are found" "$(grep -cx 'advise\|census\|resume' "$tmp/commands")" 3
right "annotations" python3 "$src/tests/monitoring/annotations.py" "$assets/conntune-alerts.yml" "$tmp/commands" \
	"$src/etc/conntuned.conf" "$src"/tests/monitoring/*.yml
right "dashboard" python3 "$src/tests/monitoring/dashboard.py" "$assets/conntune-dashboard.json"

if command -v promtool >/dev/null; then
	right "check rules" promtool check rules "$assets/conntune-alerts.yml" "$assets/conntune-recording.yml"
	right "check config" promtool check config "$assets/scrape-example.yml"
	right "test rules" promtool test rules "$src"/tests/monitoring/*.yml
	echo "$(grep -c SUCCESS "$tmp/out") of $(grep -c 'Unit Testing' "$tmp/out") files of rule tests"
else
	[ "$failures" -gt 0 ] || skip "promtool isn't installed: rules were only read"
fi

finish
