#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# capture.sh DIR: copy what conntune reads of this machine to a new directory, for `conntune --root DIR`
#
# Run as root to get slab sizes too. Needs sh, sed, grep, cat, ls and tr, so that busybox and old kernels do. Never copied:
# addresses of the kernel (zeros instead), connections (each becomes the word "entry"), host names, and lines of boot files
# that aren't about conntrack (each becomes "#", so that line numbers stay).
set -u
umask 022
LC_ALL=C
export LC_ALL

if [ $# -ne 1 ] || [ -e "$1" ]; then
	echo "usage: capture.sh DIR, where DIR doesn't exist yet" >&2
	exit 2
fi
mkdir "$1" || exit 1
out=$(cd "$1" && pwd) || exit 1

# there PATH: it can be read
there()
{
	[ -f "/$1" ] && cat "/$1" >/dev/null 2>&1
}

# put PATH: standard input to a file of the copy; without write bits if the original has none; not at all if it is empty
put()
{
	text=$(cat)
	[ -n "$text" ] || return 0
	mkdir -p "$out/${1%/*}"
	printf '%s\n' "$text" >"$out/$1"
	if [ -e "/$1" ]; then
		mode=$(ls -ldL "/$1")
		case ${mode%% *} in
		*w*) ;;
		*) chmod a-w "$out/$1" ;;
		esac
	fi
}

copy()
{
	for path; do
		if there "$path"; then
			put "$path" <"/$path"
		fi
	done
}

zeros()
{
	printf '%s' "$1" | tr 0-9a-f 0
}

kernel()
{
	copy proc/sys/kernel/osrelease proc/sys/kernel/version proc/sys/kernel/arch proc/version_signature proc/meminfo \
		sys/devices/system/cpu/possible
	# the rest of the line names who built it
	there proc/version && sed 's/^\(Linux version [^ ]*\).*/\1/' /proc/version | put proc/version
	there sys/devices/system/cpu/possible || grep '^processor' /proc/cpuinfo 2>/dev/null | put proc/cpuinfo
	address=
	for list in proc/kallsyms proc/ksyms; do
		if [ -z "$address" ] && [ -r /$list ] && read -r address type name </$list; then
			printf '%s T _text\n' "$(zeros "$address")" | put $list
		fi
	done
	: "${type:-}" "${name:-}"
	{
		echo "machine=$(uname -m)"
		page=$(getconf PAGESIZE 2>/dev/null) ||
			page=$(sed -n 's/^KernelPageSize: *\([0-9]*\) kB/\1*1024/p' /proc/self/smaps 2>/dev/null | head -n 1)
		[ -z "$page" ] || echo "page_bytes=$((page))"
		[ -z "$address" ] || echo "pointer_bits=$((${#address} * 4))"
	} >"$out/capture"
	tr ' ' '\n' </proc/cmdline 2>/dev/null | grep conntrack | tr '\n' ' ' | put proc/cmdline
	# only what says whether kernel files may be written
	while read -r device point type options rest; do
		case $point in
		/proc | /proc/sys | /sys) echo "$device $point $type $options 0 0" ;;
		esac
	done </proc/mounts | put proc/mounts
}

# one process of each network namespace, and those that have a name but perhaps no process
namespaces()
{
	self=$(readlink /proc/self/ns/net) || return 0
	mkdir -p "$out/proc/self/ns"
	ln -s "$self" "$out/proc/self/ns/net"
	seen=" "
	for dir in /proc/[0-9]*; do
		link=$(readlink "$dir/ns/net" 2>/dev/null) || continue
		case $seen in
		*" $link "*) continue ;;
		esac
		seen="$seen$link "
		mkdir -p "$out$dir/ns"
		ln -s "$link" "$out$dir/ns/net"
	done
	n=0
	for file in /run/netns/*; do
		[ -e "$file" ] || continue
		n=$((n + 1))
		# shellcheck disable=SC2012
		inode=$(ls -id "$file" | sed 's/^ *\([0-9]*\).*/\1/')
		mkdir -p "$out/run/netns"
		ln -s "net:[$inode]" "$out/run/netns/ns$n"
	done
}

modules()
{
	for module in nf_conntrack ip_conntrack nf_nat; do
		copy sys/module/$module/initstate sys/module/$module/refcnt
		for file in /sys/module/"$module"/parameters/*; do
			copy "${file#/}"
		done
	done
	grep -E '^[a-z0-9_]*(conntrack|nat)' /proc/modules 2>/dev/null |
		sed 's/0x[0-9a-f]*$/0x0000000000000000/' | put proc/modules
}

tunables()
{
	for file in /proc/sys/net/netfilter/*conntrack* /proc/sys/net/netfilter/nf_flowtable* \
		/proc/sys/net/netfilter/nf_hooks* /proc/sys/net/ipv4/netfilter/*conntrack* \
		/proc/sys/net/nf_conntrack_max /proc/sys/net/ipv4/ip_conntrack_max; do
		copy "${file#/}"
	done
}

# whose entries they are is nobody's business
entries()
{
	for file in proc/net/ip_conntrack proc/net/ip_conntrack_expect proc/net/nf_conntrack_expect; do
		there $file && sed -e '/^EXPECTING/!s/.*/entry/' -e 's/^EXPECTING.*/EXPECTING/' /$file | put $file
		[ ! -f /$file ] || [ -f "$out/$file" ] || { mkdir -p "$out/proc/net" && : >"$out/$file"; }
	done
	copy proc/net/stat/nf_conntrack proc/net/stat/ip_conntrack
	there proc/net/netlink && sed -n -e '1p' -e '/^[0-9a-f]*  *12 /s/^[0-9a-f]*/0000000000000000/p' /proc/net/netlink |
		put proc/net/netlink
}

slab()
{
	there proc/slabinfo && sed -n -e '1,2p' -e 's/_conntrack_[0-9a-f]\{8,16\} /_conntrack_0000000000000000 /' \
		-e '/^[a-z]*_conntrack/p' /proc/slabinfo | put proc/slabinfo
	for dir in /sys/kernel/slab/*_conntrack*; do
		[ -d "$dir" ] || continue
		cache=${dir#/sys/kernel/slab/}
		for file in slab_size object_size objects total_objects objs_per_slab; do
			there "sys/kernel/slab/$cache/$file" && put "sys/kernel/slab/$(
				printf '%s' "$cache" | sed 's/_conntrack_[0-9a-f]\{8,16\}$/_conntrack_0000000000000000/'
			)/$file" <"$dir/$file"
		done
	done
}

# the module's own line says how many buckets it took and, before 2.6.22, how large an entry is
kernel_log()
{
	{
		for file in dmesg boot.msg kern.log messages; do
			cat /var/log/$file 2>/dev/null
		done
		dmesg 2>/dev/null
	} | sed -n 's/.*\([in][pf]_conntrack version .*\)/\1/p' | put var/log/dmesg
}

# boot_file PATH: links stay links
boot_file()
{
	mkdir -p "$out/${1%/*}"
	if [ -h "/$1" ]; then
		ln -s "$(readlink "/$1")" "$out/$1"
	elif [ -f "/$1" ]; then
		sed '/conntrack/!s/.*/#/' "/$1" >"$out/$1"
	fi
}

# a file that says nothing about conntrack may still hide one of the same name
boot_files()
{
	[ ! -h /lib ] || ln -s "$(readlink /lib)" "$out/lib"
	for kind in sysctl.d modprobe.d modules-load.d; do
		for dir in etc run usr/local/lib usr/lib lib; do
			[ ! -h "/$dir" ] || continue
			for file in "/$dir/$kind"/*.conf; do
				[ -e "$file" ] || [ -h "$file" ] || continue
				name=${file##*/}
				grep -q conntrack "/etc/$kind/$name" "/run/$kind/$name" "/usr/local/lib/$kind/$name" \
					"/usr/lib/$kind/$name" "/lib/$kind/$name" 2>/dev/null && boot_file "${file#/}"
			done
		done
	done
	for file in etc/sysctl.conf etc/modules etc/modules.conf etc/modprobe.conf; do
		grep -q conntrack /$file 2>/dev/null && boot_file $file
	done
	for file in usr/lib/systemd/systemd-sysctl lib/systemd/systemd-sysctl; do
		[ ! -f /$file ] || { mkdir -p "$out/${file%/*}" && : >"$out/$file"; }
	done
	# programs known to write the limit
	for file in /proc/[0-9]*/comm; do
		read -r name 2>/dev/null <"$file" || continue
		case $name in
		conntuned | kube-proxy | tuned) copy "${file#/}" ;;
		esac
	done
	# of tuned's profiles what includes others, and what sets ours
	copy etc/tuned/active_profile
	for file in /etc/tuned/*/tuned.conf /etc/tuned/profiles/*/tuned.conf /usr/lib/tuned/*/tuned.conf \
		/usr/lib/tuned/profiles/*/tuned.conf; do
		[ ! -f "$file" ] || sed '/conntrack\|^ *\[\|^ *include\|^ *type/!s/.*/#/' "$file" | put "${file#/}"
	done
}

kernel
namespaces
modules
tunables
entries
slab
kernel_log
boot_files
exit 0
