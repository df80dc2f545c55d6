/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a libconntune call hands back when it fails: a code and one line to show. */
#ifndef CONNTUNE_ERR_H
#define CONNTUNE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ct_err - why a call failed
 * @code: negative errno, the same value that the call returned; 0 while nothing failed
 * @msg:  one printable line without a newline: what was tried, on what, with which value
 *
 * Every call takes a pointer to one, which may be NULL. It is written only on failure.
 */
struct ct_err {
	int code;
	char msg[256];
};

#ifdef __cplusplus
}
#endif
#endif
