dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl Compiler flags: warnings that gcc or clang know, and instrumented builds.

dnl CT_FLAG(VARIABLE, FLAG): append FLAG if the compiler takes it without a complaint
AC_DEFUN([CT_FLAG], [
	AC_CACHE_CHECK([whether $CC takes $2], [AS_TR_SH([ct_cv_flag_$2])], [
		ct_save="$CFLAGS"
		CFLAGS="$CFLAGS -Werror $2"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[AS_TR_SH([ct_cv_flag_$2])=yes], [AS_TR_SH([ct_cv_flag_$2])=no])
		CFLAGS="$ct_save"])
	AS_VAR_IF([AS_TR_SH([ct_cv_flag_$2])], [yes], [$1="$$1 $2"])
])

AC_DEFUN([CT_WARNINGS], [
	CT_CFLAGS=
	m4_foreach_w([flag], [-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
		-Wlogical-op -Wduplicated-cond -fno-common],
		[CT_FLAG([CT_CFLAGS], flag)])
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [a warning ends the build])], [], [enable_werror=no])
	AS_VAR_IF([enable_werror], [yes], [CT_CFLAGS="$CT_CFLAGS -Werror"])
	AC_SUBST([CT_CFLAGS])
])

AC_DEFUN([CT_INSTRUMENTATION], [
	CT_INSTRUMENT=
	CT_FUZZ_LINK=
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
		[], [enable_sanitizers=no])
	AC_ARG_ENABLE([gcov],
		[AS_HELP_STRING([--enable-gcov], [count which lines the tests reach])],
		[], [enable_gcov=no])
	AC_ARG_ENABLE([fuzzer],
		[AS_HELP_STRING([--enable-fuzzer], [build tests/fuzz with libFuzzer (clang); implies sanitizers])],
		[], [enable_fuzzer=no])
	ct_sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	AS_IF([test "$enable_fuzzer" = yes], [
		enable_sanitizers=yes
		CT_INSTRUMENT="$ct_sanitize -fsanitize=fuzzer-no-link"
		CT_FUZZ_LINK="-fsanitize=fuzzer"
	], [test "$enable_sanitizers" = yes], [
		CT_INSTRUMENT="$ct_sanitize"])
	AS_VAR_IF([enable_gcov], [yes], [CT_INSTRUMENT="$CT_INSTRUMENT --coverage -O0"])
	AS_VAR_IF([enable_sanitizers], [yes], [CT_FLAG([CT_SANITIZE_CHECK], [-fsanitize=address,undefined])
		AS_IF([test -z "$CT_SANITIZE_CHECK"], [AC_MSG_ERROR([--enable-sanitizers: $CC has no AddressSanitizer])])])
	AS_VAR_IF([enable_fuzzer], [yes], [CT_FLAG([CT_FUZZ_CHECK], [-fsanitize=fuzzer-no-link])
		AS_IF([test -z "$CT_FUZZ_CHECK"], [AC_MSG_ERROR([--enable-fuzzer: $CC has no libFuzzer, try CC=clang])])])
	AM_CONDITIONAL([ENABLE_FUZZER], [test "$enable_fuzzer" = yes])
	AM_CONDITIONAL([ENABLE_SANITIZERS], [test "$enable_sanitizers" = yes])
	AC_SUBST([CT_INSTRUMENT])
	AC_SUBST([CT_FUZZ_LINK])
])
