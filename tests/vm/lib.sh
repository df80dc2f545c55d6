# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Guests for the tests in this directory. Needs no privilege and touches nothing of the host.
# A test stages a root directory, then boots it as often as it likes: on user-mode Linux, where what a guest writes to
# disk stays there, or on a stock kernel in qemu, which forgets everything.

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

vm_need()
{
	local program

	for program; do
		command -v "$program" >/dev/null || vm_skip "$program is not installed"
	done
}

# vm_stage [PROGRAM...]: for vm_boot
vm_stage()
{
	local modules

	vm_need linux.uml
	for modules in /usr/lib/uml/modules/*; do :; done
	vm_stage_for "$modules" "$@"
	mkdir "$vm_dir/uml"
}

# vm_stage_stock [PROGRAM...]: for vm_boot_stock; the kernel is where `quickstart check` puts it
vm_stage_stock()
{
	local modules

	vm_need qemu-system-x86_64
	for vm_kernel in lab/stock/boot/vmlinuz-*; do
		[ -e "$vm_kernel" ] || vm_skip "no stock kernel here: tests/vm/get-kernel lab"
	done
	for modules in lab/stock/lib/modules/*; do :; done
	vm_stage_for "$PWD/$modules" "$@"
}

# vm_stage_for MODULES [PROGRAM...]: a new root directory in $vm_root, removed at the end; the built conntune is in it
vm_stage_for()
{
	local modules=$1 programs=tests/vm/udp-entries

	shift
	vm_need busybox kmod
	[ -x /lib/systemd/systemd-sysctl ] || vm_skip "systemd is not installed"
	if nm -D lib/.libs/libconntune.so 2>/dev/null | grep -q __asan_; then
		vm_skip "the address sanitizer needs more address space than a guest has"
	fi
	vm_dir=$(mktemp -d "$PWD/tests/vm/$(basename "$0").XXXXXX")
	vm_root=$vm_dir/root
	trap vm_end EXIT
	[ ! -x .libs/conntune ] || programs="$programs .libs/conntune"
	# shellcheck disable=SC2086
	LD_LIBRARY_PATH=$PWD/lib/.libs "$vm_src/stage" "$vm_root" "$modules" $programs "$@" || exit 1
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

# vm_boot_stock <SCRIPT: the same on a stock kernel with two CPUs, emulated: /dev/kvm may be there and not boot it
vm_boot_stock()
{
	local began=$SECONDS status

	cat >"$vm_root/test"
	(cd "$vm_root" && find . | busybox cpio -o -H newc) >"$vm_dir/initrd"
	timeout 240 qemu-system-x86_64 -M microvm,acpi=off -accel tcg,thread=multi -cpu max -smp 2 -m 256 \
		-nographic -no-reboot -nic none -kernel "$vm_kernel" -initrd "$vm_dir/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable reboot=t disk=no" \
		</dev/null 2>&1 | tr -d '\r' >"$vm_dir/console"
	cat "$vm_dir/console"
	status=$(sed -n 's/^status //p' "$vm_dir/console")
	echo "guest ran $((SECONDS - began)) s"
	[ "$status" = 0 ] || { echo "FAILED: the guest's status: '$status'"; exit 1; }
}
