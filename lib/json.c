/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON from text, with a lack of memory told apart from text that is wrong. */
#include "config.h"
#include "json.h"

#include <errno.h>

/*
 * Where jansson gets no memory in the middle of an object it says that the text is wrong there, or hands out an object
 * without one of its members. But malloc(3) leaves its mark.
 */
int ct_json_load(const char *text, size_t n, json_t **ret, json_error_t *e)
{
	int before = errno;
	json_t *o;

	errno = 0;
	o = json_loadb(text, n, JSON_REJECT_DUPLICATES, e);
	if (errno == ENOMEM || (!o && json_error_code(e) == json_error_out_of_memory)) {
		json_decref(o);
		return -ENOMEM;
	}
	errno = before;
	if (!o)
		return -EBADMSG;
	*ret = o;
	return 0;
}
