/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what was sent what the Varlink schema says? Reads the schema as text, so that it is the document that is tested. */
#ifndef CONNTUNE_TEST_SCHEMA_H
#define CONNTUNE_TEST_SCHEMA_H

#include <stdbool.h>
#include <jansson.h>

enum schema_part {
	SCHEMA_PARAMETERS,              /* of a method */
	SCHEMA_REPLY,
	SCHEMA_ERROR,
};

/**
 * schema_fits - does @v fit?
 * @text:  the schema
 * @name:  of the method or error, without the interface
 * @whole: members that may be left out have to be there too
 * @why:   256 bytes: what doesn't
 */
bool schema_fits(const char *text, enum schema_part part, const char *name, const json_t *v, bool whole, char *why);

#endif
