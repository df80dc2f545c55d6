#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit files: understood by systemd, exposed to no more than they may be, and with the one capability that is needed.
# shellcheck source=lib.sh
. "${srcdir:-.}/tests/integration/lib.sh"
[ -e units/conntuned.service ] || skip "the daemon isn't built: libsystemd or libeconf is missing"
need systemd-analyze systemd-sysusers

# UNIT TENTHS: the program isn't installed where it says
check_service()
{
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "units/$1.service" >"$tmp/$1.service"
	systemd-analyze verify --man=no "$tmp/$1.service" >"$tmp/out" 2>&1
	is "$1: verify" "$?/$(cat "$tmp/out")" 0/
	systemd-analyze security --offline=true --threshold="$2" --no-pager "$tmp/$1.service" >"$tmp/out" 2>&1
	is "$1: exposure at most $2 tenths" $? 0
	echo "$1: $(tail -n 1 "$tmp/out")"
	is "$1: no path is left open" "$(grep -c '@[a-z]*@' "units/$1.service")" 0
}

check_service conntuned 15
check_service conntuned-boot 15
if [ -e conntuned-http ]; then
	cp "$src"/units/*.socket "$src"/units/*.timer "$tmp"
	check_service conntuned-http 5
	check_service conntune-observe 20
	for unit in conntuned-http.socket conntune-observe.timer; do
		systemd-analyze verify --man=no "$tmp/$unit" >"$tmp/out" 2>&1
		is "$unit: verify" "$?/$(cat "$tmp/out")" 0/
	done
	is "conntuned-http: no capability" "$(sed -n 's/^\(AmbientCapabilities\|CapabilityBoundingSet\)=//p' units/conntuned-http.service)" ""
fi
is "conntuned: capabilities" "$(sed -n 's/^\(AmbientCapabilities\|CapabilityBoundingSet\)=//p' units/conntuned.service | sort -u)" CAP_NET_ADMIN
is "conntuned-boot: none" "$(grep ^CapabilityBoundingSet units/conntuned-boot.service)" CapabilityBoundingSet=
is "rules: no path is left open" "$(grep -c '@[a-z]*@' units/60-conntune.rules)" 0
is "rules: the program is there" "$(test -x "$(sed -n 's/.*RUN+="\([^ ]*\) .*/\1/p' units/60-conntune.rules)" && echo yes)" yes
is "rules: the file is the one that conntuned-boot writes" \
	"$(sed -n 's|.*TEST=="/\([^"]*\)".*|\1|p' units/60-conntune.rules)" run/modprobe.d/00-conntune-boot.conf

mkdir -p "$tmp/root/etc"
systemd-sysusers --root="$tmp/root" "$(readlink -f "$src/units/sysusers.d/conntune.conf")" >"$tmp/out" 2>&1
is "sysusers: exit code" $? 0
is "sysusers: users of their own" "$(cut -d: -f1 "$tmp/root/etc/passwd" | xargs):$(cut -d: -f1 "$tmp/root/etc/group" | xargs)" \
	"conntuned conntuned-http:conntuned conntuned-http"

finish
