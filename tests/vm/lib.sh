# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Guests on user-mode Linux, for the tests in this directory. Needs no privilege and touches nothing of the host.
# A test stages a root directory, then boots it as often as it likes: what a guest writes to disk stays there.

vm_src=$(dirname "$(readlink -f "$0")")
vm_dir=
# never an empty path: a script without a guest of its own would write below /etc of the host
set -u

vm_skip()
{
	echo "skipped: $*"
	exit 77
}

vm_end()
{
	local status=$?

	[ -z "$vm_dir" ] || rm -rf "$vm_dir"
	exit $status
}

# vm_stage: a new root directory in $vm_root, removed at the end; the built conntune is in it
vm_stage()
{
	local program programs=tests/vm/udp-entries

	for program in linux.uml busybox kmod; do
		command -v $program >/dev/null || vm_skip "$program is not installed"
	done
	[ -x /lib/systemd/systemd-sysctl ] || vm_skip "systemd is not installed"
	if nm -D lib/.libs/libconntune.so 2>/dev/null | grep -q __asan_; then
		vm_skip "the address sanitizer needs more address space than a guest has"
	fi
	vm_dir=$(mktemp -d "$PWD/tests/vm/$(basename "$0").XXXXXX")
	vm_root=$vm_dir/root
	mkdir "$vm_dir/uml"
	trap vm_end EXIT
	[ ! -x .libs/conntune ] || programs="$programs .libs/conntune"
	# shellcheck disable=SC2086
	LD_LIBRARY_PATH=$PWD/lib/.libs "$vm_src/stage" "$vm_root" $programs || exit 1
}

# vm_boot [KERNEL ARGUMENT...] <SCRIPT: run it in a guest; fails if anything that it expects doesn't hold
vm_boot()
{
	local began=$SECONDS

	cat >"$vm_root/test"
	rm -f "$vm_root/output" "$vm_root/status"
	timeout 120 linux.uml mem=128M root=/dev/root rootfstype=hostfs rootflags="$vm_root" rw init=/init \
		uml_dir="$vm_dir/uml/" con=null con0=fd:0,fd:1 quiet "$@" </dev/null >"$vm_dir/console" 2>&1 || true
	cat "$vm_root/output" || true
	if [ ! -s "$vm_root/status" ]; then
		echo "FAILED: the guest died:"
		cat "$vm_dir/console"
		exit 1
	fi
	echo "guest ran $((SECONDS - began)) s"
	[ "$(cat "$vm_root/status")" = 0 ] || exit 1
}
