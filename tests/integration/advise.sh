#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntune advise on captured and made machines: numbers, JSON, exit codes, and what it says of broken files.
. "${srcdir:-.}/tests/integration/lib.sh"
need jq

policy()
{
	jq -r --arg name "$1" ".policies[] | select(.name == \$name) | $2" "$tmp/out"
}

# --- worked examples of the documents
run advise --ram 512M --pointer-bits 32 --kernel 2.6.5 --policy documented --json
is "512M, 32 bits, documented: exit code" "$status" 0
is "512M, 32 bits, documented: limit" "$(json '.policies[0].limit')" 32768
is "512M, 32 bits, documented: buckets" "$(json '.policies[0].buckets')" 4096
is "512M, 32 bits, documented: name" "$(json '.policies[0].name')" documented
run advise --ram 512M --pointer-bits 32 --kernel 2.6.5 --policy dedicated --reserve 128M --entry-bytes 300 --json
is "dedicated with 128M kept: unrounded" "$(json '.policies[0].unrounded_limit')" 1307315
is "dedicated with 128M kept: limit" "$(json '.policies[0].limit')" 1048576

# --- another machine has no present
is "other machine: fields" "$(json 'has("present") or has("differs") or has("commands") or has("owners")')" false
is "other machine: facts" "$(json '.facts | "\(.ram_bytes) \(.pointer_bits) \(.kernel) \(.entry_bytes) \(.entry_source)"')" \
	"536870912 32 2.6.5 300 given"
documented advise other

# --- a machine
machine plain
run advise --root "$tree" --json
is "plain: exit code" "$status" 0
is "plain: errors" "$(cat "$tmp/err")" ""
is "plain: recommended" "$(json .recommended)" balanced
is "plain: recommended comes first" "$(json '.policies[0].name == .recommended')" true
is "plain: policies" "$(json '[.policies[].name] | sort | join(" ")')" "balanced dedicated documented kernel"
is "plain: policies left out, and why" "$(json '[.left_out[] | "\(.name): \(.reason)"] | join("; ")')" \
	"demand: the peak of entries isn't known (--peak); fixed: neither limit nor buckets were given (--limit, --buckets)"
is "plain: version" "$(json '.facts | "\(.kernel) \(.kernel_version) \(.kernel_version_source)"')" "6.12.107-test 6.12.107 release"
is "plain: present" "$(json '.present | "\(.presence) \(.limit) \(.buckets) \(.entries)"')" "module 65536 65536 0"
is "plain: limit" "$(json '.policies[0].limit')" $((4021268 * 1024 / 16384 / 2))
is "plain: differs" "$(json .differs)" true
is "plain: commands, buckets first" "$(json '[.commands[] | test("buckets")] | tostring')" "[true,false]"
is "plain: kernel's own choice" "$(policy kernel '"\(.limit) \(.buckets)"')" "65536 65536"
documented advise
run advise --root "$tree" --check
is "plain --check: exit code" "$status" 1
limit=$((4021268 * 1024 / 16384 / 2))
machine good $limit 131072
run advise --root "$tree" --check --json
is "good --check: exit code" "$status" 0
is "good: differs" "$(json .differs)" false
is "good: commands" "$(json '.commands | length')" 0
run advise --root "$tree" --check --policy kernel --json
is "good, but other policy --check: exit code" "$status" 1
is "policy kernel lowers" "$(json '.policies[0].limit')" 65536
is "policy kernel: limit first when lowering" "$(json '[.commands[] | test("buckets")] | tostring')" "[false,true]"

# --- nothing is lowered without --policy
machine large 500000 1048576
run advise --root "$tree" --check --json
is "large --check: exit code" "$status" 0
is "large: limit stays" "$(json '.policies[0] | "\(.limit) \(.bound_by)"')" "500000 present"
is "large: buckets stay" "$(json '.policies[0] | "\(.buckets) \(.buckets_bound_by)"')" "1048576 present"
run advise --root "$tree" --policy balanced --json
is "large, balanced asked for: limit" "$(json '.policies[0].limit')" $limit

# --- the release hides the stable update; 8192 buckets for 65536 connections are fine from 6.1.20 on
machine debian
put proc/sys/kernel/osrelease 6.1.0-42-amd64
run advise --root "$tree" --policy documented --json
is "6.1.0 of a vendor: assumed" "$(json '.facts | "\(.kernel_version) \(.kernel_version_source)"')" "6.1.0 assumed"
is "6.1.0: refused" "$(json '.policies[0].p_refused > 0.3')" true
run advise --root "$tree"
grep -q '^  which is .*6\.1\.0 .*assumed' "$tmp/out" || fail "an assumed version isn't marked"
grep -q "those of Linux 6.1.0: what the vendor" "$tmp/out" || fail "the arithmetic doesn't say what is assumed"
put proc/version "Linux version 6.1.0-42-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2025-12-30)"
run advise --root "$tree" --policy documented --json
is "Debian's 6.1.159" "$(json '.facts | "\(.kernel) \(.kernel_version) \(.kernel_version_source)"')" "6.1.0-42-amd64 6.1.159 build"
is "6.1.159: refused" "$(json '.policies[0].p_refused < 0.001')" true
run advise --root "$tree"
grep -q '^  which is  *6\.1\.159  */proc/version' "$tmp/out" || fail "the stable update isn't shown"
run advise --root "$tree" --kernel 6.1.0 --policy documented --json
is "--kernel goes first" "$(json '"\(.facts.kernel_version) \(.facts.kernel_version_source) \(.policies[0].p_refused > 0.3)"')" \
	"6.1.0 given true"
run explain refused --root "$tree"
grep -q '50 .. 79' "$tmp/out" || fail "explain refused has another limit than advise"

# --- 32 bits with high memory
machine highmem
put proc/sys/kernel/arch i686
put proc/meminfo "MemTotal:        4144000 kB
MemFree:         3500000 kB
MemAvailable:    3700000 kB
HighTotal:       3275000 kB
HighFree:        3100000 kB
LowTotal:         400000 kB
LowFree:          200000 kB"
run advise --root "$tree" --json
is "high memory: facts" "$(json '.facts | "\(.low_bytes) \(.low_available_bytes)"')" "$((400000 * 1024)) $((200000 * 1024))"
is "high memory: budget" "$(json '.policies[0].budget_bytes')" $((400000 * 1024 / 4))
documented advise highmem
run advise --root "$tree" --policy dedicated --reserve 0 --json
is "high memory: held back" "$(json '.policies[0] | "\(.bound_by) \(.memory_bytes <= 200000 * 1024)"')" "available true"

# --- options reach the numbers
machine options
run advise --root "$tree" --peak 100000 --limit 70000 --json
is "without --policy each policy takes its own options" "$(policy demand .limit) $(policy fixed .limit)" "200000 70000"
run advise --root "$tree" --policy fixed --limit 100000 --buckets 50000 --json
is "fixed: limit and buckets, in whole pages" "$(json '.policies[0] | "\(.limit) \(.buckets)"')" "100000 50176"
run advise --root "$tree" --policy demand --peak 40000 --headroom 1.5 --failover 2 --json
is "demand" "$(json '.policies[0].limit')" 120000
run advise --root "$tree" --load 4 --json
is "--load 4: buckets" "$(json '.policies[0] | .load <= 4 and .buckets < .limit')" true
run advise --root "$tree" --budget 10M --json
is "--budget 10M" "$(json '.policies[0] | "\(.memory_bytes <= 10485760) \(.bound_by) \(.budget_bytes)"')" \
	"true budget 10485760"
run advise --root "$tree" --budget 10M
grep -q 'conntune apply --allow-shrink' "$tmp/out" || fail "--budget 10M lowers, and doesn't say that apply must be told"
run advise --root "$tree" --budget 1% --json
is "--budget 1%" "$(json '.policies[0].memory_bytes <= .facts.ram_bytes / 100')" true
run advise --root "$tree" --budget 100% --json
is "--budget 100%" "$(json '.policies[0].budget_bytes == .facts.ram_bytes')" true
run advise --root "$tree" --json
json '.policies[0].budget_bytes' >"$tmp/quarter"
run advise --root "$tree" --budget 25% --json
is "--budget 25%, as without" "$(json '.policies[0].budget_bytes')" "$(cat "$tmp/quarter")"
refused 2 '128 connections in each of 100 namespaces and 16384 buckets take' advise --root "$tree" --namespaces 100 --budget 1M
run advise --root "$tree" --namespaces 10 --json
is "--namespaces 10" "$(json '.policies[0] | .worst_case_bytes == 10 * .limit * 256 + .buckets * 8')" true
run advise --root "$tree" --policy dedicated --reserve 1G --json
is "--reserve 1G" "$(json '.policies[0].budget_bytes')" $((4021268 * 1024 - 1073741824))
refused 2 "the budget is 1$" advise --root "$tree" --budget 1
refused 2 "leave nothing" advise --root "$tree" --policy dedicated --reserve 8G
refused 2 "needs --peak" advise --root "$tree" --policy demand
run advise --root "$tree" --entry-bytes 1000 --json
is "--entry-bytes keeps the present" "$(json '"\(.facts.entry_bytes) \(.facts.entry_source) \(has("present"))"')" "1000 given true"

# --- text says the same
run advise --root "$tree"
is "text: exit code" "$status" 0
is "text: lines beyond 80 columns" "$(awk 'length($0) > 80 && !/sysctl|echo/' "$tmp/out")" ""
is "text: lines that end in blanks" "$(grep -c ' $' "$tmp/out")" 0
grep -q "limit $limit, buckets 131072 (policy balanced)" "$tmp/out" || fail "no summary in text"

# --- machines on which it can't be done are advised nevertheless
machine absent
rm -r "$tree/proc/sys/net" "$tree/sys/module"
run advise --root "$tree" --json
is "absent: exit code" "$status" 0
is "absent: present" "$(json '.present | tostring')" '{"presence":"absent"}'
is "absent: loads the module" "$(json '.commands[0] | test("modprobe nf_conntrack hashsize=")')" true
machine child
rm "$tree/proc/sys/net/nf_conntrack_max"
chmod a-w "$tree/proc/sys/net/netfilter/nf_conntrack_max" "$tree/proc/sys/net/netfilter/nf_conntrack_buckets"
run advise --root "$tree" --json
is "child namespace: exit code" "$status" 0
is "child namespace: refused" "$(json '"\(has("plan_refused")) \(.commands | length)"')" "true 0"
documented advise refused

# --- files that say nonsense: one line, exit code 5, or as if the file weren't there
machine broken
put proc/meminfo "MemTotal: many kB"
refused 5 "meminfo" advise --root "$tree"
machine notext
head -c 100000 /dev/zero >"$tree/proc/meminfo"
refused 5 "meminfo" advise --root "$tree"
machine nomem
rm "$tree/proc/meminfo"
refused 4 "" advise --root "$tree"
run advise --root "$tree" --ram 4G --json
is "no MemTotal, but --ram: exit code" "$status" 0
machine loop
rm "$tree/proc/meminfo"
ln -s meminfo "$tree/proc/meminfo"
run advise --root "$tree"
is "looping link: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
is "looping link: a documented exit code" "$(echo "$status" | grep -x '[45]')" "$status"
machine nokernel
rm "$tree/proc/sys/kernel/osrelease"
refused 4 "" advise --root "$tree"
machine huge
put proc/sys/net/netfilter/nf_conntrack_max "$(head -c 100000 /dev/zero | tr '\0' 9)"
refused 5 "nf_conntrack_max" advise --root "$tree"

# --- without privileges
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	machine slabs
	chmod 400 "$tree/sys/kernel/slab/nf_conntrack/slab_size"
	chmod 755 "$tmp"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$conntune" advise --root "$tree" --json >"$tmp/out" 2>"$tmp/err" ||
		status=$?
	if [ "$status" -le 5 ]; then
		is "unprivileged: exit code" "$status" 0
		is "unprivileged: errors" "$(cat "$tmp/err")" ""
		is "unprivileged: source" "$(json .facts.entry_source)" model
	fi
fi

# --- every captured machine
captured
for tree in "$trees"/*/; do
	[ -d "$tree" ] || continue
	name=${tree%/}
	name=${name##*/}
	run advise --root "$tree" --json
	is "$name: lines of error" "$(wc -l <"$tmp/err" | tr -d ' ')" "$((status != 0))"
	if [ "$status" -ne 0 ]; then
		sed 's|[^ ]*/tests/sysroot/|SRC/tests/sysroot/|' "$tmp/err" >"$tmp/out"
		expected "$name.advise.error"
		continue
	fi
	is "$name: recommended comes first" "$(json '.policies[0].name == .recommended')" true
	documented advise "$name"
	plain
	expected "$name.advise.json"
	run advise --root "$tree"
	is "$name: exit code of text" "$status" 0
	is "$name: lines beyond 80 columns" "$(awk 'length($0) > 80 && !/sysctl|echo|modprobe/' "$tmp/out")" ""
done

# --- what README shows is what it says
run advise --root "$trees/6.18-builtin"
sed -n '/^    \$ conntune advise$/,/^[^ ]/ { /^    \$/d; /^[^ ]/d; s/^    //; p; }' "$src/README" | sed '$d' >"$tmp/readme"
is "README's transcript" "$(diff "$tmp/readme" "$tmp/out")" ""
finish
