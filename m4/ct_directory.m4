dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl CT_DIRECTORY(name, where): --with-name=DIR, by default PREFIX/lib/where
AC_DEFUN([CT_DIRECTORY], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [default: PREFIX/lib/$2])], [],
		[with_$1='${prefix}/lib/$2'])
	AC_SUBST([$1], [$with_$1])
])
