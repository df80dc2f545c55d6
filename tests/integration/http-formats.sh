#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Both formats of /metrics, of snapshots of every situation, read by promtool and by Prometheus' own client for Python.
. "${srcdir:-.}/tests/integration/lib.sh"

python=/usr/bin/python3
[ -x tests/http/print-metrics ] || skip "conntuned-http isn't built"
need promtool
"$python" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null || skip "python3-prometheus-client isn't installed"

# look SITUATION OPTION...: leaves text, open, values
look()
{
	situation=$1
	shift
	rm -rf "$tmp/root"
	mkdir "$tmp/root"
	tests/http/make-snapshot --root "$tmp/root" "$@" "$situation" || fail "$situation: make-snapshot"
	for what in text open values trouble; do
		tests/http/print-metrics $what "$tmp/root" >"$tmp/$what" || fail "$situation: print-metrics $what"
	done
}

# judged SITUATION MOST: what is there now, with fewer series than that
judged()
{
	checks=$((checks + 1))
	promtool check metrics <"$tmp/text" >"$tmp/lint" 2>&1 || fail "$1: promtool: $(cat "$tmp/lint")"
	is "$1: what promtool says" "$(cat "$tmp/lint")" ""
	is "$1: last line" "$(tail -n 1 "$tmp/open")" "# EOF"
	is "$1: one end" "$(grep -c '^# EOF' "$tmp/open")" 1
	is "$1: none in text" "$(grep -c '# EOF$' "$tmp/text")" 0
	checks=$((checks + 1))
	"$python" "$src/tests/http/read-metrics.py" "$tmp/values" "$tmp/text" "$tmp/open" "$2" >"$tmp/out" 2>&1 ||
		fail "$1: $(cat "$tmp/out")"
}

for situation in healthy filling full chain-limit stale advise hostile empty; do
	look "$situation"
	judged "$situation" 200
done
for situation in healthy full hostile; do
	look $situation --observed
	judged "$situation, observed" 250
done

look healthy --observed
is "exact chains are there" "$(grep -c '^conntune_exact_chain_length_bucket' "$tmp/text")" 11
is "a census is there" "$(grep -c '^conntune_census_entries{' "$tmp/text")" 6

# damaged: nothing is known, and nobody falls over
echo '{"exact":{"histogram":[1,2,' >"$tmp/root/run/conntune-observed/chains.json"
truncate -s 1000000 "$tmp/root/run/conntune-observed/census.json"
tests/http/print-metrics text "$tmp/root" >"$tmp/text"
is "damaged chains" "$(grep -c exact_chain "$tmp/text")" 0
is "damaged census" "$(grep -c census "$tmp/text")" 0

look stale
is "a stale one: what is up" "$(grep ^conntuned_up "$tmp/text")" "conntuned_up 0"
is "a stale one: age" "$(grep -c '^conntuned_snapshot_age_seconds 12[5-9]' "$tmp/text")" 1
is "a stale one: table" "$(grep -c '^conntune_' "$tmp/text")" 0
is "a stale one: why" "$(sed 's/ 1[0-9]* s / N s /' "$tmp/trouble")" \
	"the last snapshot is N s old: conntuned hangs, or the machine has no time for it"

truncate -s -1 "$tmp/root/run/conntuned/snapshot"
tests/http/print-metrics trouble "$tmp/root" >"$tmp/trouble"
is "a truncated one: why" "$(cut -d: -f1 "$tmp/trouble")" "the snapshot can't be read"
rm "$tmp/root/run/conntuned/snapshot"
tests/http/print-metrics trouble "$tmp/root" >"$tmp/trouble"
is "none: why" "$(cat "$tmp/trouble")" "no snapshot: conntuned doesn't run"
tests/http/print-metrics text "$tmp/root" >"$tmp/text"
is "none: age" "$(grep -c age_seconds "$tmp/text")" 0

look healthy
tests/http/print-metrics text "$tmp/root" node >"$tmp/text"
tests/http/print-metrics open "$tmp/root" node >"$tmp/open"
judged "healthy, node_exporter's names" 210
is "node_exporter's names" "$(grep -c '^node_nf_conntrack_' "$tmp/text")" 10
is "all of them gauges" "$(grep -c '^# TYPE node_nf_conntrack_[a-z_]* gauge$' "$tmp/text")" 10

finish
