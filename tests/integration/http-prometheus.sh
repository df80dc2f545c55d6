#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A real Prometheus scrapes conntuned-http in both formats: types are understood, each query of the dashboard has series,
# rules load, and alerts fire and go. Everything is on 127.0.0.1 and in a temporary directory.
# shellcheck disable=SC2317 # functions that until_true calls
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
http=${CONNTUNED_HTTP:-./conntuned-http}
[ -x "$http" ] || skip "conntuned-http isn't built: libmicrohttpd is missing"
need prometheus promtool python3 curl jq
assets=$src/etc/monitoring
helpers=$src/tests/monitoring
# none of the environment's: all that is asked is here
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
processes=
trap 'for pid in $processes; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$tmp"' EXIT

# until_true COMMAND...: within a minute; this machine may be busy
until_true()
{
	end=$(($(date +%s) + 60))
	checks=$((checks + 1))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || { fail "not in time: $*"; tail -n 20 "$tmp"/*.log; return 1; }
		sleep 0.2
	done
}

# right WHAT COMMAND...: exits with 0; else its output is shown
right()
{
	what=$1
	shift
	checks=$((checks + 1))
	"$@" >"$tmp/out" 2>&1 || fail "$what: $(cat "$tmp/out")"
}

# situation NAME [OPTION...]: what conntuned-http will tell from now on
situation()
{
	name=$1
	shift
	tests/http/make-snapshot --root "$tmp/root" "$@" "$name" >"$tmp/out" 2>&1 || fail "make-snapshot $name: $(cat "$tmp/out")"
}

answers()
{
	curl -sf -m 10 -o "$tmp/answer" "$@"
}

# listens NAME PORT PATH: it answers; or it has ended, because somebody else was given the port meanwhile
listens()
{
	answers "http://127.0.0.1:$2$3" || ! kill -0 "$pid" 2>/dev/null
}

# start NAME PATH COMMAND... with PORT in place of the port: leaves $port; another port is tried if one is taken
start()
{
	name=$1
	path=$2
	shift 2
	for _ in 1 2 3 4 5; do
		port=$(shuf -i 20000-32000 -n 1)
		command=$(echo "$@" | sed "s/PORT/$port/g")
		# shellcheck disable=SC2086 # no argument has blanks
		$command >"$tmp/$name.log" 2>&1 &
		pid=$!
		until_true listens "$name" "$port" "$path" || break
		if kill -0 "$pid" 2>/dev/null; then
			processes="$processes $pid"
			return
		fi
	done
	fail "$name doesn't start: $(cat "$tmp/$name.log")"
	finish
}

# ask EXPRESSION: the answer is in $tmp/answer
ask()
{
	answers --data-urlencode "query=$1" "$prometheus/api/v1/query"
}

# value EXPRESSION: of the first series
value()
{
	ask "$1" && jq -r '.data.result[0].value[1] // "none"' "$tmp/answer"
}

scraped()
{
	[ "$(value 'min(count_over_time(conntuned_up[5m]))')" != none ] &&
		[ "$(value 'min(count_over_time(conntuned_up[5m])) >= bool 3')" = 1 ] && [ "$(value 'count(conntuned_up)')" = 2 ]
}

# firing ALERT: for both jobs; silent ALERT: for none
firing()
{
	[ "$(value "count(ALERTS{alertname=\"$1\", alertstate=\"firing\"})")" = 2 ]
}

silent()
{
	[ "$(value "count(ALERTS{alertname=\"$1\"})")" = none ]
}

# more drops with each call, so that there is a rate
drops=800000
drops_until_firing()
{
	drops=$((drops + 500))
	situation full --observed --counter drop="$drops"
	firing ConntrackTableFull
}

mkdir "$tmp/root"
situation full --observed --counter drop="$drops"
start http /healthz "$http" --root "$tmp/root" --listen 127.0.0.1:PORT
http_port=$port
metrics=http://127.0.0.1:$http_port/metrics
python3 "$helpers/text-only.py" "http://127.0.0.1:$http_port" "$tmp/text-port" >"$tmp/text.log" 2>&1 &
processes="$processes $!"
until_true test -s "$tmp/text-port" || finish

# what would take minutes is taken at once; nothing else is changed
sed 's/^\( *for:\) .*/\1 0s/' "$assets/conntune-alerts.yml" >"$tmp/conntune-alerts.yml"
cp "$assets/conntune-recording.yml" "$tmp"
cat >"$tmp/prometheus.yml" <<END
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [conntune-alerts.yml, conntune-recording.yml]
scrape_configs:
  - { job_name: open, static_configs: [{ targets: ['127.0.0.1:$http_port'], labels: { instance: open } }] }
  - { job_name: text, static_configs: [{ targets: ['127.0.0.1:$(cat "$tmp/text-port")'], labels: { instance: text } }] }
END
right "check config" promtool check config "$tmp/prometheus.yml"
start prometheus /-/ready prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/tsdb" \
	--storage.tsdb.retention.time=1h --web.listen-address=127.0.0.1:PORT --log.level=warn
prometheus=http://127.0.0.1:$port

# --- both formats, as they are
right "text: check metrics" sh -c "curl -sf -H 'Accept: text/plain' '$metrics' | promtool check metrics"
curl -sf -D "$tmp/head" -o "$tmp/text" -H 'Accept: text/plain' "$metrics"
is "text is text" "$(grep -ci '^content-type: text/plain; version=0.0.4' "$tmp/head")" 1
curl -sf -D "$tmp/head" -o "$tmp/open" -H 'Accept: application/openmetrics-text; version=1.0.0' "$metrics"
is "OpenMetrics is OpenMetrics" "$(grep -ci '^content-type: application/openmetrics-text; version=1.0.0' "$tmp/head")" 1
is "it ends as it should" "$(tail -n 1 "$tmp/open")" '# EOF'
echo "$(grep -vc '^#' "$tmp/text") samples, $(wc -c <"$tmp/text") bytes of text"

# every metric that the assets name is one; what this situation hasn't got is there in another, or on old kernels only
sed 's/instance[a-z_]*:[a-z_]*:[a-z0-9_]*//g' "$assets"/conntune-*.yml "$assets/conntune-dashboard.json" "$assets/migration.md" \
	"$assets/scrape-example.yml" | grep -oE '\bconntuned?_[a-z_]+[a-z]\b' |
	grep -vxE 'conntune_(ignore|searched)_total|conntuned_confirm_seconds|conntune_entries_scrape_peak' | sort -u >"$tmp/named"
sed -n 's/^\([a-z_]*\).*/\1/p' "$tmp/text" | sort -u >"$tmp/told"
is "metrics are found in both" "$(grep -cx "conntune_entries" "$tmp/named" "$tmp/told" | sed "s/.*://" | tr -d "\n")" 11
is "metrics that the assets name and nobody tells" "$(comm -23 "$tmp/named" "$tmp/told" | tr '\n' ' ')" ""

# --- targets, types
until_true scraped || finish
answers "$prometheus/api/v1/targets?state=active"
is "both are scraped without error" "$(jq -r '[.data.activeTargets[] | .health + .lastError] | sort | join(" ")' "$tmp/answer")" "up up"

# types_of JOB, then type_is METRIC TYPE: as Prometheus understood it; in OpenMetrics a family has no suffix
types_of()
{
	job=$1
	answers -G --data-urlencode "match_target={job=\"$1\"}" "$prometheus/api/v1/targets/metadata"
	jq -r '.data[] | .metric + " " + .type' "$tmp/answer" >"$tmp/types"
}

type_is()
{
	is "$job: type of $1" "$(sed -n "s/^$1 //p" "$tmp/types" | sort -u)" "$2"
}

types_of open
type_is conntune_entries gauge
type_is conntune_drop counter
type_is conntuned_looks counter
type_is conntuned_state stateset
type_is conntuned_build info
type_is conntune_expected_chain_length gaugehistogram
type_is conntune_exact_chain_length gaugehistogram
type_is conntuned_look_duration_seconds histogram
types_of text
type_is conntune_entries gauge
type_is conntune_drop_total counter
type_is conntuned_looks_total counter
type_is conntuned_state gauge
type_is conntuned_build_info gauge
type_is conntuned_look_duration_seconds histogram

# --- one and the same in both
for metric in conntune_limit conntune_ceiling 'sum(conntune_timeout_seconds)' 'conntune_expected_chain_length_gcount' \
	'conntuned_state == 1' 'count({__name__=~"conntune_.*_total"})' 'count({__name__=~"conntuned_.*_bucket"})'; do
	by=$(echo "$metric" | sed 's/}/,job="JOB"}/; t; s/\(conntune[a-z_]*\)/\1{job="JOB"}/')
	is "$metric is the same in both formats" "$(value "$(echo "$by" | sed s/JOB/open/)")" "$(value "$(echo "$by" | sed s/JOB/text/)")"
done

# --- alerts fire through the scrape
until_true drops_until_firing
until_true firing ConntrackNearlyFull
until_true firing ConntrackCeiling
is "a healthy daemon is left in peace" "$(value 'count(ALERTS{alertname=~"Conntuned(Down|Stale|Unreachable|Absent)"})')" none
answers "$prometheus/api/v1/alerts"
is "annotations have no errors" "$(jq -r '.data.alerts[].annotations[]' "$tmp/answer" | grep -c 'error expanding\|<no value>')" 0
echo "firing: $(jq -r '[.data.alerts[].labels.alertname] | unique | join(" ")' "$tmp/answer")"

# --- the dashboard; what may have nothing to say, or nothing yet, in this situation
for job in open text; do
	right "dashboard, job $job" python3 "$helpers/dashboard.py" "$assets/conntune-dashboard.json" "$prometheus" "$job" \
		conntuned_confirm_seconds advised
	tail -n 1 "$tmp/out" | grep asked
done

# --- rules
answers "$prometheus/api/v1/rules"
is "each rule was evaluated without error" "$(jq -r '[.data.groups[].rules[] | .health + .lastError] | unique | join(" ")' "$tmp/answer")" ok
is "as many as in the files" "$(jq '[.data.groups[].rules[]] | length' "$tmp/answer")" \
	"$(cat "$assets"/conntune-alerts.yml "$assets"/conntune-recording.yml | grep -c '^ *- \(alert\|record\):')"
is "what is recorded is there" "$(value 'count(instance:conntune_fill:ratio)')" 2

# --- and go again
situation healthy --observed
until_true silent ConntrackNearlyFull
until_true silent ConntrackCeiling
situation stale
until_true firing ConntunedStale
is "old numbers are nowhere" "$(value 'count({__name__=~"conntune_.+",instance="open"})')" none
situation healthy --observed
until_true silent ConntunedStale

is "Prometheus has nothing to complain of" "$(grep -c 'level=\(warn\|error\)' "$tmp/prometheus.log")" 0
[ -s "$tmp/prometheus.log" ] && cat "$tmp/prometheus.log"
finish
