/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ask a daemon below a root, and compare what it says with the schema that it tells itself:
 * varlink-ask ROOT METHOD [PARAMETERS]
 * The answer is on standard output. Exit code 1: an error came back, or the answer isn't what the schema says.
 */
#include "config.h"
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <conntune/client.h>

static int print(const json_t *v)
{
	if (json_dumpf(v, stdout, JSON_INDENT(2)) < 0 || puts("") == EOF)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* Of org.conntune only; the other interface is Varlink's own. */
static int check(struct ct_client *client, const char *method, const json_t *answer, struct ct_err *err)
{
	json_t *parameters = json_pack("{s:s}", "interface", "org.conntune"), *v = NULL;
	const char *text, *name = strrchr(method, '.') + 1;
	char why[256] = "no description";
	bool fits = false;
	int r = ct_client_call(client, "org.varlink.service.GetInterfaceDescription", parameters, &v, err);

	json_decref(parameters);
	if (r < 0)
		return EXIT_FAILURE;
	text = json_string_value(json_object_get(v, "description"));
	if (text)
		fits = schema_fits(text, SCHEMA_REPLY, name, answer, false, why);
	if (!fits)
		fprintf(stderr, "varlink-ask: not as the schema says: %s\n", why);
	json_decref(v);
	return fits ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int ask(struct ct_client *client, const char *method, json_t *parameters, struct ct_err *err)
{
	json_t *answer = NULL;
	int r = ct_client_call(client, method, parameters, &answer, err);

	if (r < 0)
		return EXIT_FAILURE;
	r = print(answer);
	if (r == EXIT_SUCCESS && strncmp(method, "org.conntune.", 13) == 0)
		r = check(client, method, answer, err);
	json_decref(answer);
	return r;
}

int main(int argc, char **argv)
{
	json_t *parameters = argc > 3 ? json_loads(argv[3], 0, NULL) : NULL;
	struct ct_client *client = NULL;
	struct ct_err err = { 0 };
	struct ct_fs *fs = NULL;
	int r = EXIT_FAILURE;

	if (argc < 3 || (argc > 3 && !parameters)) {
		fprintf(stderr, "usage: varlink-ask ROOT METHOD [PARAMETERS]\n");
		return EXIT_FAILURE;
	}
	if (ct_fs_new(&fs, argv[1], &err) == 0 && ct_client_new(&client, fs, 10000000, &err) == 0)
		r = ask(client, argv[2], parameters, &err);
	if (err.msg[0])
		fprintf(stderr, "varlink-ask: %s\n", err.msg);
	(void)ct_client_free(client);
	(void)ct_fs_free(fs);
	json_decref(parameters);
	return r;
}
