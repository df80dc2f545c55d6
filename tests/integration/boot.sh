#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conntuned-boot on captured machines: what it writes, and that it writes nothing on any doubt. Always exit code 0.
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
boot=./conntuned-boot
[ -x "$boot" ] || skip "the daemon isn't built: libsystemd or libeconf is missing"
modprobe=run/modprobe.d/00-conntune-boot.conf
sysctl=run/sysctl.d/00-conntune-boot.conf

# fresh MACHINE: a copy in $tree
fresh()
{
	tree=$tmp/tree
	rm -rf "$tree"
	cp -a "$src/tests/sysroot/$1" "$tree"
	chmod -R u+w "$tree"
	mkdir -p "$tree/etc/conntune" "$tree/etc/modprobe.d" "$tree/etc/sysctl.d"
}

boots()
{
	status=0
	"$boot" --root "$tree" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	is "$1: exit code" $status 0
	[ -s "$tmp/out" ] && fail "$1: wrote to standard output"
	return 0
}

written()
{
	sed -n '/^[^#]/p' "$tree/$modprobe" "$tree/$sysctl" 2>/dev/null
}

# nothing WHY PATTERN: it says so in its last line, and there is no file
nothing()
{
	boots "$1"
	tail -n 1 "$tmp/err" | grep -qE "^nothing prepared: .*$2" || fail "$1: '$(cat "$tmp/err")' doesn't match '$2'"
	is "$1: files" "$(ls "$tree/$modprobe" "$tree/$sysctl" 2>/dev/null)" ''
}

fresh 6.1-no-module
boots plain
is "plain: one line" "$(wc -l <"$tmp/err" | tr -d ' ')" 1
grep -qE '^when connection tracking is loaded: [0-9]+ buckets, limit [0-9]+$' "$tmp/err" || fail "plain: '$(cat "$tmp/err")'"
first=$(written)
buckets=$(sed -n 's/^when.*: \([0-9]*\) buckets, limit \([0-9]*\)$/\1/p' "$tmp/err")
limit=$(sed -n 's/^when.*: \([0-9]*\) buckets, limit \([0-9]*\)$/\2/p' "$tmp/err")
is "plain: files" "$first" "options nf_conntrack hashsize=$buckets
net.netfilter.nf_conntrack_max = $limit"
boots 'a second time'
is "a second time: the same" "$(written)" "$first"

printf '[Tuning]\nPolicy=fixed\nLimit=30000\nBuckets=10000\n' >"$tree/etc/conntune/conntuned.conf"
boots configured
is "configured: whole pages" "$(written)" "options nf_conntrack hashsize=10240
net.netfilter.nf_conntrack_max = 30000"

echo 'net.netfilter.nf_conntrack_max = 12345' >"$tree/etc/sysctl.d/50-other.conf"
boots 'somebody else sets the limit'
is "somebody else's limit: buckets alone" "$(written)" "options nf_conntrack hashsize=10240"
grep -q 'the limit is set by others' "$tmp/err" || fail "somebody else's limit: '$(cat "$tmp/err")'"

# doubts
fresh 6.1-no-module
printf '[Tuning]\nBudget=lots\n' >"$tree/etc/conntune/conntuned.conf"
nothing 'a wrong setting' 'wrong in 1 place'
grep -q 'conntuned.conf:2: ' "$tmp/err" || fail "a wrong setting: file and line aren't told"
printf '[Tuning]\nMode=advise\n' >"$tree/etc/conntune/conntuned.conf"
nothing 'advice only' 'Mode=advise'
rm "$tree/etc/conntune/conntuned.conf"
for line in 'options nf_conntrack hashsize=5000' 'options nf_conntrack hashsize=abc'; do
	echo "$line" >"$tree/etc/modprobe.d/firewall.conf"
	nothing "$line" '/etc/modprobe.d/firewall.conf:1 sets the hash size'
	rm "$tree/etc/modprobe.d/firewall.conf"
done
echo 'net.netfilter.nf_conntrack_buckets=5000' >"$tree/etc/sysctl.d/a.conf"
nothing 'a sysctl of buckets' '/etc/sysctl.d/a.conf:1'
rm "$tree/etc/sysctl.d/a.conf"
echo 'root=/dev/sda1 nf_conntrack.hashsize=4096' >"$tree/proc/cmdline"
nothing 'the kernel command line' 'cmdline'
echo 'root=/dev/sda1' >"$tree/proc/cmdline"
echo 'options nf_conntrack hashsize=5000' >"$tree/etc/modprobe.d/conntune.conf"
nothing 'persisted by the administrator' '/etc/modprobe.d/conntune.conf'
rm -f "$tree/etc/modprobe.d/conntune.conf" "$tree"/etc/sysctl.d/*

mv "$tree/proc/meminfo" "$tree/proc/was"
nothing 'no memory known' ''
echo 'MemTotal: x kB' >"$tree/proc/meminfo"
nothing 'memory not understood' 'MemTotal|meminfo'
mv "$tree/proc/was" "$tree/proc/meminfo"
mkdir -p "$tree/run"
echo 'not a directory' >"$tree/run/modprobe.d"
nothing 'no place to write' 'modprobe.d'
rm "$tree/run/modprobe.d"
mkdir "$tree/run/modprobe.d"
echo '# mine' >"$tree/$modprobe"
boots 'a file of that name which is not ours'
is "a file of that name which is not ours" "$(cat "$tree/$modprobe")" '# mine'

for machine in 6.1-module 6.18-builtin 2.4.32-i686 6.1-child-netns 6.18-container; do
	fresh $machine
	nothing $machine ''
done

status=0
"$boot" --nonsense 2>/dev/null || status=$?
is "a wrong option" $status 2
finish
