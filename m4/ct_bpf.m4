dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl CT_BPF: can BPF programs be built? Needs libbpf, a clang that knows the target, and bpftool for the skeleton.
dnl --with-bpf=yes|no|auto; sets have_bpf, HAVE_BPF, BPF_MISSING, BPF_CLANG, BPF_CPPFLAGS, BPFTOOL, BPF_CFLAGS.
dnl Of libbpf only headers are used: nothing of it is linked.
AC_DEFUN([CT_BPF], [
	AC_ARG_WITH([bpf], [AS_HELP_STRING([--without-bpf], [do without BPF programs: exact chain lengths])],
		[], [with_bpf=auto])
	have_bpf=no
	bpf_missing="configured --without-bpf"
	AS_IF([test "$with_bpf" != no], [
		bpf_missing=
		PKG_CHECK_MODULES([BPF], [libbpf >= 1.0], [], [CT_BPF_MISSING([libbpf 1.0])])
		AC_PATH_PROG([BPF_CLANG], [clang])
		AC_PATH_PROG([BPFTOOL], [bpftool], [], [$PATH:/usr/sbin:/sbin])
		AS_IF([test -z "$BPF_CLANG"], [CT_BPF_MISSING([clang])])
		AS_IF([test -z "$BPFTOOL"], [CT_BPF_MISSING([bpftool])])
		AS_IF([test -z "$bpf_missing"], [CT_BPF_TRY])
		AS_IF([test -z "$bpf_missing"], [have_bpf=yes],
			[test "$with_bpf" = yes], [AC_MSG_ERROR([--with-bpf: missing: $bpf_missing])],
			[bpf_missing="missing: $bpf_missing"])])
	AS_VAR_IF([have_bpf], [yes], [AC_DEFINE([HAVE_BPF], [1], [exact chain lengths])],
		[AC_DEFINE_UNQUOTED([BPF_MISSING], ["$bpf_missing"], [why there are no exact chain lengths])])
	AM_CONDITIONAL([HAVE_BPF], [test "$have_bpf" = yes])
])

AC_DEFUN([CT_BPF_MISSING], [bpf_missing="${bpf_missing:+$bpf_missing, }$1"])

dnl From source to skeleton, as the build does it. Headers for the target are those of the host.
AC_DEFUN([CT_BPF_TRY], [
	AC_MSG_CHECKING([whether $BPF_CLANG and $BPFTOOL make BPF programs])
	BPF_CPPFLAGS=`$BPF_CLANG -v -E - </dev/null 2>&1 | sed -n '/<...> search starts here:/,/End of search list/s| \(/[[^ ]]*\).*|-idirafter \1|p' | tr '\n' ' '`
	cat >conftest.bpf.c <<'EOF'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
__u64 v;
SEC("raw_tp/sys_enter") int f(void *ctx) { v = bpf_ktime_get_ns(); return 0; }
EOF
	AS_IF([$BPF_CLANG -O2 -g -target bpf $BPF_CPPFLAGS $BPF_CFLAGS -c conftest.bpf.c -o conftest.tmp.o 2>&AS_MESSAGE_LOG_FD &&
		$BPFTOOL gen object conftest.bpf.o conftest.tmp.o 2>&AS_MESSAGE_LOG_FD >&2 &&
		$BPFTOOL gen skeleton -L conftest.bpf.o name conftest >conftest.skel.h 2>&AS_MESSAGE_LOG_FD],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		CT_BPF_MISSING([a clang for -target bpf and a bpftool that work together (see config.log)])])
	rm -f conftest.bpf.c conftest.bpf.o conftest.tmp.o conftest.skel.h
	AC_SUBST([BPF_CPPFLAGS])
])
