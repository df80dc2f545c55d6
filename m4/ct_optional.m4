dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl CT_OPTIONAL(NAME, option, pkg-config module, what it is for)
dnl --with-option=yes|no|auto; sets have_option, HAVE_NAME, NAME_CFLAGS, NAME_LIBS
AC_DEFUN([CT_OPTIONAL], [
	AC_ARG_WITH([$2], [AS_HELP_STRING([--without-$2], [do without $3: $4])], [], [with_$2=auto])
	have_$2=no
	AS_IF([test "$with_$2" != no], [
		PKG_CHECK_MODULES([$1], [$3], [have_$2=yes], [
			AS_IF([test "$with_$2" = yes], [AC_MSG_ERROR([--with-$2: $3 not found])])])])
	AS_VAR_IF([have_$2], [yes], [AC_DEFINE([HAVE_$1], [1], [$4])])
	AM_CONDITIONAL([HAVE_$1], [test "$have_$2" = yes])
])
