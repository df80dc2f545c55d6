#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune revert: back to the values before the first apply, files included, however often apply ran between.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

nf=proc/sys/net/netfilter

values()
{
	is "$what: limit in force" "$(cat "$tree/$nf/nf_conntrack_max")" "$1"
	is "$what: buckets in force" "$(cat "$tree/$nf/nf_conntrack_buckets")" "$2"
}

# gone: neither record nor boot files nor anything that waits
gone()
{
	is "$what: left over" "$(cd "$tree" && find var run etc -type f ! -path run/conntune/lock 2>/dev/null | tr '\n' ' ')" ""
}

# --- nothing to do
what=nothing
machine nothing
run revert --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: recorded" "$(json '"\(.recorded) \(.pending_undone) \(.steps | length) \(.files_removed | length)"')" "false false 0 0"
documented revert
run revert --root "$tree"
grep -q "Nothing to revert" "$tmp/out" || fail "$what: $(cat "$tmp/out")"
gone

# --- several applies, one revert
what=several
machine several 40000 10240
for limit in 100000 200000 150000; do
	run apply --root "$tree" --policy fixed --limit $limit --persist
	is "$what: apply $limit" "$status" 0
done
run revert --root "$tree" --dry-run --json
is "$what, dry run: exit code" "$status" 0
is "$what, dry run: files" "$(json '.files_removed | length')" 3
values 150000 262144
run revert --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: steps, limit first" "$(json '[.steps[] | "\(.kind) \(.value) \(.result)"] | join(", ")')" \
	"set-limit 40000 done, set-buckets 10240 done"
is "$what: files" "$(json '.files_removed | sort | join(" ")')" \
	"/etc/modprobe.d/conntune.conf /etc/modules-load.d/conntune.conf /etc/sysctl.d/90-conntune.conf"
documented revert several
values 40000 10240
gone

# --- a new first apply starts a new record
what="new record"
put $nf/nf_conntrack_max 50000
run apply --root "$tree" --policy fixed --limit 60000
run revert --root "$tree"
values 50000 10240
gone

# --- files alone, and files of others
what="files alone"
machine files
run apply --root "$tree" --persist
rm "$tree/var/lib/conntune/first.json"
put etc/sysctl.d/10-other.conf "net.netfilter.nf_conntrack_max = 4711"
run revert --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: removed" "$(json '"\(.recorded) \(.files_removed | length)"')" "false 3"
is "$what: left" "$(cd "$tree" && find etc -type f)" etc/sysctl.d/10-other.conf

# --- connections in use: refused, and the record stays for the next try
what=used
machine used 1000 65536 500
run apply --root "$tree" --policy fixed --limit 70000
put $nf/nf_conntrack_count 5000
refused 1 "limit 1000 is below the 5000 connections in use" revert --root "$tree"
values 70000 131072
run revert --root "$tree" --allow-shrink
is "$what, --allow-shrink: exit code" "$status" 0
values 1000 65536
gone

# --- no limit was found, so there is none again
what="no limit"
machine nolimit 0 65536
run apply --root "$tree"
run revert --root "$tree" --json
is "$what: exit code" "$status" 0
values 0 65536
gone

# --- the module is gone
what="module gone"
machine unloaded
run apply --root "$tree" --persist
rm -r "$tree/proc/sys/net" "$tree/sys/module"
run revert --root "$tree"
is "$what: exit code" "$status" 0
grep -q "isn't loaded" "$tmp/out" || fail "$what: $(cat "$tmp/out")"
gone

# --- the module came with the first apply
what="module new"
machine loaded
put var/lib/conntune/first.json '{"format": "conntune first 1", "module_loaded": false}'
run revert --root "$tree"
is "$what: exit code" "$status" 0
grep -q "wasn't loaded before the first apply" "$tmp/out" || fail "$what: $(cat "$tmp/out")"
values 65536 65536
gone

# --- damaged record
what=damaged
machine damaged
put var/lib/conntune/first.json '{"format": "conntune first 1"'
refused 5 "first.json .*is damaged" revert --root "$tree"
values 65536 65536
is "$what: record" "$(cat "$tree/var/lib/conntune/first.json")" '{"format": "conntune first 1"'

# --- a step that fails: what came before is undone, the record stays
what="buckets in the way"
machine failing
run apply --root "$tree" --policy fixed --limit 100000
is "$what: apply" "$status" 0
chmod a-w "$tree/$nf/nf_conntrack_buckets"
run revert --root "$tree"
is "$what: a file that is missing" "$status" 5
values 100000 131072
is "$what: record stays" "$(test -e "$tree/var/lib/conntune/first.json" && echo yes)" yes
chmod u+w "$tree/$nf/nf_conntrack_buckets"
run revert --root "$tree"
values 65536 65536
finish
