#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune apply: what it writes and in which order, what it refuses, and that a refusal or failure leaves everything as it was.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

nf=proc/sys/net/netfilter
advised=$((4021268 * 1024 / 16384 / 2))

get()
{
	cat "$tree/$1"
}

# values LIMIT BUCKETS: are in force
values()
{
	is "$what: limit in force" "$(get $nf/nf_conntrack_max)" "$1"
	is "$what: buckets in force" "$(get $nf/nf_conntrack_buckets)" "$2"
}

steps()
{
	json '[.steps[] | "\(.kind) \(.old)>\(.value) \(.result) \(.read_back)"] | join(", ")'
}

# snapshot: every file of the tree with its content; the lock alone may come and stay
snapshot()
{
	(cd "$tree" && find . -type f ! -path ./run/conntune/lock -exec cksum {} + | sort -k 3)
}

# unchanged CODE PATTERN ARGUMENT...: refused, and no file is another one than before
unchanged()
{
	before=$(snapshot)
	refused "$@"
	is "after conntune $4 $5 $6 $7: files" "$(snapshot)" "$before"
}

# --- growing: buckets first, then limit; each read back; the first values recorded
what=growing
machine growing
run apply --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: errors" "$(cat "$tmp/err")" ""
is "$what: steps" "$(steps)" "set-buckets 65536>131072 done 131072, set-limit 65536>$advised done $advised"
is "$what: result" "$(json '"\(.limit) \(.buckets) \(.dry_run)"')" "$advised 131072 false"
values $advised 131072
is "$what: record" "$(jq -c '[.limit, .buckets, .module_loaded]' "$tree/var/lib/conntune/first.json")" "[65536,65536,true]"
is "$what: conntuned, which is not root, may read the record" "$(stat -c %a "$tree/var/lib/conntune/first.json")" 644
is "$what: nothing waits" "$(ls "$tree/run/conntune")" lock
is "$what: boot files" "$(find "$tree/etc" -type f 2>/dev/null)" ""
documented apply
run apply --root "$tree"
is "$what again: exit code" "$status" 0
grep -q "Nothing to do: limit $advised and 131072 buckets are in force" "$tmp/out" || fail "$what again: $(cat "$tmp/out")"

# --- text: the plan with its reasons, then each step
machine text
run apply --root "$tree"
is "text: exit code" "$status" 0
is "text: order" "$(grep -n '^[A-Z]' "$tmp/out" | sed 's/^[0-9]*://;s/;.*//' | tr '\n' ' ')" \
	"Plan Steps In force until the next boot "
grep -q '1. set-buckets 65536 to 131072: buckets first when growing' "$tmp/out" || fail "text: no reason for buckets"
grep -q "set-limit: /$nf/nf_conntrack_max reads $advised now" "$tmp/out" || fail "text: no read-back"
is "text: lines beyond 80 columns" "$(awk 'length($0) > 80' "$tmp/out")" ""

# --- nothing is lowered unless it is asked for
what=large
machine large 500000 1048576 1000
run apply --root "$tree" --json
is "$what: exit code" "$status" 0
is "$what: steps" "$(steps)" ""
values 500000 1048576
run apply --root "$tree" --policy balanced --json
is "$what, --policy: steps, limit first" "$(steps)" \
	"set-limit 500000>$advised done $advised, set-buckets 1048576>131072 done 131072"
machine lower 500000 1048576 1000
run apply --root "$tree" --allow-shrink --json
is "lower, --allow-shrink: limit" "$(json .limit)" $advised
what="budget below present"
machine poor 500000 65536 1000
run apply --root "$tree" --budget 32M
is "$what: exit code" "$status" 0
is "$what: limit in force" "$(get $nf/nf_conntrack_max)" 500000

# --- the administrator's numbers
what=fixed
machine fixed
run apply --root "$tree" --policy fixed --limit 100000 --buckets 50000 --json
is "$what: steps" "$(steps)" "set-buckets 65536>50176 done 50176, set-limit 65536>100000 done 100000"
machine cut
unchanged 1 "refused: 100000000 entries of 256 B and [0-9]* buckets take .* of a budget of " \
	apply --root "$tree" --policy fixed --limit 100000000
unchanged 1 "200000000 buckets take" apply --root "$tree" --policy fixed --limit 70000 --buckets 200000000
unchanged 1 "refused: .*budget of 10.0 MiB" apply --root "$tree" --policy fixed --limit 70000 --budget 10M
unchanged 2 "goes with --policy fixed" apply --root "$tree" --limit 70000

# --- connections in use
machine used 65536 65536 5000
unchanged 1 "limit 4000 is below the 5000 connections in use" apply --root "$tree" --policy fixed --limit 4000
run apply --root "$tree" --policy fixed --limit 4000 --allow-shrink --json
is "used, --allow-shrink: exit code" "$status" 0
is "used, --allow-shrink: note" "$(json '.notes | any(test("5000 connections are in use"))')" true

# --- no limit at all
what="no limit"
machine nolimit 0 65536
run apply --root "$tree" --json
is "$what: steps" "$(steps)" "set-limit 0>$advised done $advised, set-buckets 65536>131072 done 131072"

# --- dry run
machine dry
before=$(snapshot)
run apply --root "$tree" --dry-run --persist --json
is "dry run: exit code" "$status" 0
is "dry run: steps, of which none was taken" "$(steps)" "set-buckets 65536>131072 would null, set-limit 65536>$advised would null"
is "dry run: files" "$(json '[.files[] | .change] | unique | join(" ")')" create
is "dry run: tree" "$(snapshot)" "$before"
is "dry run: no lock" "$(ls "$tree")" "$(printf 'proc\nsys')"
documented apply dry

# --- boot files, and who wins over them
what=persist
machine persist
run apply --root "$tree" --persist --json
is "$what: exit code" "$status" 0
is "$what: files" "$(json '[.files[] | "\(.path) \(.change)"] | sort | join(", ")')" \
	"/etc/modprobe.d/conntune.conf create, /etc/modules-load.d/conntune.conf create, /etc/sysctl.d/90-conntune.conf create"
is "$what: warnings" "$(json '.warnings | length')" 0
is "$what: hashsize" "$(grep -c '^options nf_conntrack hashsize=131072$' "$tree/etc/modprobe.d/conntune.conf")" 1
is "$what: limit" "$(grep -c "nf_conntrack_max *= *$advised\$" "$tree/etc/sysctl.d/90-conntune.conf")" 1
documented apply persist
run apply --root "$tree" --persist --json
is "$what again: files" "$(json '[.files[] | .change] | unique | join(" ")')" same
put etc/sysctl.d/99-local.conf "net.netfilter.nf_conntrack_max = 4711"
run apply --root "$tree" --persist --json
is "$what: a later file is named" "$(json '.warnings[0]')" \
	"/etc/sysctl.d/99-local.conf:1 sets the limit to 4711 and wins at the next boot"
run apply --root "$tree" --persist
grep -q '99-local.conf:1 sets the limit to 4711' "$tmp/out" || fail "$what: no warning in text"
machine foreign
put etc/modprobe.d/conntune.conf "options nf_conntrack hashsize=1"
unchanged 1 "/etc/modprobe.d/conntune.conf is there, but was not written by conntune" apply --root "$tree" --persist

# --- boot files that can't be written: seen before anything is changed, or what was set is taken back
what="file in the way"
machine blocked
put etc/sysctl.d "a file where a directory should be"
unchanged 5 "etc/sysctl.d/90-conntune.conf: Not a directory" apply --root "$tree" --persist

# no file may grow beyond 512 bytes: kernel values and the record stay below, boot files don't; the output goes through a pipe
small_disk()
{
	{
		(
			ulimit -f 1
			exec "$conntune" "$@"
		)
		echo $? >"$tmp/status"
	} 2>"$tmp/err" </dev/null | cat >"$tmp/out"
	status=$(cat "$tmp/status")
}

what="full disk"
machine full
before=$(snapshot)
small_disk apply --root "$tree" --persist --json
is "$what: exit code" "$status" 5
is "$what: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
grep -q 'limit and buckets are as before.*90-conntune.conf: File too large' "$tmp/err" || fail "$what: '$(cat "$tmp/err")'"
is "$what: steps" "$(json '[.steps[] | "\(.kind) \(.result)"] | join(", ")')" "set-buckets undone, set-limit undone"
is "$what: tree" "$(snapshot)" "$before"
small_disk apply --root "$tree" --persist
grep -q 'taken back' "$tmp/out" || fail "$what: nothing said in text"
is "$what: tree" "$(snapshot)" "$before"

# --- a step that fails: those before are undone, and nothing is left
what="failing step"
machine failing
put proc/sys/kernel/osrelease 4.4.0-test
before=$(snapshot)
run apply --root "$tree" --policy fixed --limit 30000 --json
is "$what: exit code" "$status" 5
is "$what: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
is "$what: steps" "$(json '[.steps[] | "\(.kind) \(.result)"] | join(", ")')" "set-limit undone, set-buckets failed"
is "$what: tree" "$(snapshot)" "$before"
run apply --root "$tree" --policy fixed --limit 30000
grep -q "set-limit: taken back, /$nf/nf_conntrack_max reads 65536" "$tmp/out" || fail "$what: $(cat "$tmp/out")"

# --- places in which nothing can be set
machine child
rm "$tree/proc/sys/net/nf_conntrack_max"
chmod a-w "$tree/$nf/nf_conntrack_max" "$tree/$nf/nf_conntrack_buckets"
unchanged 4 "network namespace" apply --root "$tree"
machine absent
rm -r "$tree/proc/sys/net" "$tree/sys/module"
before=$(snapshot)
run apply --root "$tree"
is "absent: exit code" "$status" 4
is "absent: tree" "$(snapshot)" "$before"
grep -q "isn't this machine" "$tmp/err" || fail "absent: $(cat "$tmp/err")"
unchanged 4 "--confirm: .* can't be undone" apply --root "$tree" --confirm 5
machine unreadable
put $nf/nf_conntrack_max many
unchanged 5 nf_conntrack_max apply --root "$tree"

# --- damaged record: named, never overwritten
machine damaged
put var/lib/conntune/first.json '{"format": "conntune first 1", "limit": -1}'
unchanged 5 "first.json .*is damaged" apply --root "$tree"

# --- no file may grow: refused before anything is written
machine full
before=$(snapshot)
(
	ulimit -f 0
	status=0
	"$conntune" apply --root "$tree" >/dev/null 2>/dev/null || status=$?
	exit "$status"
)
is "file size limit: exit code" $? 5
is "file size limit: tree" "$(snapshot)" "$before"

# --- one writer at a time
if command -v flock >/dev/null; then
	machine locked
	mkdir -p "$tree/run/conntune"
	before=$(snapshot)
	status=0
	flock "$tree/run/conntune/lock" "$conntune" apply --root "$tree" >"$tmp/out" 2>"$tmp/err" || status=$?
	is "locked: exit code" "$status" 1
	grep -q "another conntune is at work" "$tmp/err" || fail "locked: $(cat "$tmp/err")"
	is "locked: tree" "$(snapshot)" "$before"
fi

# --- without privileges
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	machine foreigner
	chmod 755 "$tmp"
	before=$(snapshot)
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" apply --root "$tree" >"$tmp/out" 2>"$tmp/err" || status=$?
	if [ "$status" -le 5 ]; then
		is "unprivileged: exit code" "$status" 3
		is "unprivileged: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
		is "unprivileged: tree" "$(snapshot)" "$before"
	fi
fi

# --- a step fails, and taking back another one fails too: the first values are not forgotten, so revert and guard still can
if strace -o "$tmp/trace" true 2>/dev/null; then
	for confirm in '' '--confirm 1'; do
		what="undoing fails $confirm"
		machine "undo-fails$confirm"
		status=0
		# the first write is of buckets; that of the limit fails, and that which takes buckets back
		# the leak sanitizer can't work below strace, and says so with an exit code of its own
		# shellcheck disable=SC2086
		ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -o "$tmp/trace" -P "$tree/$nf/.nf_conntrack_buckets.conntune-tmp" \
			-P "$tree/$nf/.nf_conntrack_max.conntune-tmp" -e trace=write -e inject=write:error=ENOMEM:when=2+ \
			"$conntune" apply --root "$tree" $confirm >"$tmp/out" 2>"$tmp/err" || status=$?
		is "$what: exit code" "$status" 5
		grep -q 'and undoing failed' "$tmp/err" || fail "$what: $(cat "$tmp/err")"
		values 65536 131072
		is "$what: record" "$(jq -c '[.limit, .buckets]' "$tree/var/lib/conntune/first.json")" "[65536,65536]"
		if [ -n "$confirm" ]; then
			i=0
			while [ "$(get $nf/nf_conntrack_buckets)" != 65536 ] && [ $i -lt 100 ]; do
				i=$((i + 1))
				sleep 0.1
			done
		else
			run revert --root "$tree"
			is "$what, revert: exit code" "$status" 0
		fi
		values 65536 65536
	done
else
	echo "without strace: that undoing fails wasn't tried"
fi

# --- where buckets can't be changed, the limit can: the refusal says how, and that works
tree=$tmp/limit-alone
cp -R "$src/tests/sysroot/2.4.20-i686" "$tree"
chmod -R u+w "$tree"
refused 4 'to set the limit alone, ask for the present 4026 buckets' apply --root "$tree" --policy fixed --limit 40000
run apply --root "$tree" --policy fixed --limit 40000 --buckets 4026
is "limit alone: exit code, errors" "$status $(cat "$tmp/err")" "0 "
is "limit alone: limit" "$(get proc/sys/net/ipv4/ip_conntrack_max)" 40000

# --- every captured machine: applied and taken back, or refused, with everything as before
# (before 4.8 buckets are written to hashsize and read from the sysctl: in a kernel one number, in a tree two files)
for captured in "$src"/tests/sysroot/*/; do
	name=$(basename "$captured")
	tree=$tmp/captured-$name
	cp -R "$captured" "$tree"
	chmod -R u+w "$tree"
	snapshot | grep -v parameters/hashsize >"$tmp/before"
	run apply --root "$tree" --policy fixed --limit 50000 --allow-shrink
	case $status in
	0) run revert --root "$tree" --allow-shrink ;;
	1 | 3 | 4) is "$name: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1 ;;
	*) fail "$name: exit code $status: $(cat "$tmp/err")" ;;
	esac
	is "$name: afterwards" "$(snapshot | grep -v parameters/hashsize | diff "$tmp/before" -)" ""
	rm -rf "$tree"
done
finish
