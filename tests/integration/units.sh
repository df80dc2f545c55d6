#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit files: understood by systemd, exposed to at most 1.5, and with the one capability that is needed.
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
[ -e units/conntuned.service ] || skip "the daemon isn't built: libsystemd or libeconf is missing"
need systemd-analyze systemd-sysusers

# the programs aren't installed where the units say
for unit in conntuned conntuned-boot; do
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' units/$unit.service >"$tmp/$unit.service"
	systemd-analyze verify --man=no "$tmp/$unit.service" >"$tmp/out" 2>&1
	is "$unit: verify" "$?/$(cat "$tmp/out")" 0/
	systemd-analyze security --offline=true --threshold=15 --no-pager "$tmp/$unit.service" >"$tmp/out" 2>&1
	is "$unit: exposure at most 1.5" $? 0
	echo "$unit: $(tail -n 1 "$tmp/out")"
	is "$unit: no path is left open" "$(grep -c '@[a-z]*@' units/$unit.service)" 0
done
is "conntuned: capabilities" "$(sed -n 's/^\(AmbientCapabilities\|CapabilityBoundingSet\)=//p' units/conntuned.service | sort -u)" CAP_NET_ADMIN
is "conntuned-boot: none" "$(grep ^CapabilityBoundingSet units/conntuned-boot.service)" CapabilityBoundingSet=
is "rules: no path is left open" "$(grep -c '@[a-z]*@' units/60-conntune.rules)" 0
is "rules: the program is there" "$(test -x "$(sed -n 's/.*RUN+="\([^ ]*\) .*/\1/p' units/60-conntune.rules)" && echo yes)" yes
is "rules: the file is the one that conntuned-boot writes" \
	"$(sed -n 's|.*TEST=="/\([^"]*\)".*|\1|p' units/60-conntune.rules)" run/modprobe.d/00-conntune-boot.conf

mkdir -p "$tmp/root/etc"
systemd-sysusers --root="$tmp/root" "$(readlink -f "$src/units/sysusers.d/conntune.conf")" >"$tmp/out" 2>&1
is "sysusers: exit code" $? 0
is "sysusers: a user of its own" "$(cut -d: -f1 "$tmp/root/etc/passwd"):$(cut -d: -f1 "$tmp/root/etc/group")" conntuned:conntuned

finish
