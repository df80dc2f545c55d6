/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods of the local API: a row each, with its parameters and whether it changes anything. */
#include "config.h"
#include "control_internal.h"

#include <errno.h>
#include <string.h>

#define SERVICE "org.varlink.service"
#define CONNTUNE "org.conntune"

/* What people call a year is the longest hold that has an end. */
#define HOLD_SECONDS_MAX 31536000

/* Rows of one answer: at their longest, 12 numbers of 20 digits and their names, they fit into a message. */
#define ROWS_PER_ANSWER 128

/* made from src/daemon/org.conntune.varlink */
static const char description_conntune[] =
#include "varlink_text.h"
	;

static const char description_service[] =
	"# What every Varlink service has.\n"
	"interface org.varlink.service\n\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)\n\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
	"error InterfaceNotFound (interface: string)\n\n"
	"error MethodNotFound (method: string)\n\n"
	"error MethodNotImplemented (method: string)\n\n"
	"error InvalidParameter (parameter: string)\n";

static const struct {
	const char *name, *description;
} interfaces[] = {
	{ SERVICE, description_service },
	{ CONNTUNE, description_conntune },
};

#define INTERFACES (sizeof(interfaces) / sizeof(interfaces[0]))

/* One question, and the way back. */
struct request {
	struct peer *peer;
	const struct ct_varlink_call *call;
};

/* @name: NULL ends the list */
struct parameter {
	const char *name;
	json_type type;
	bool required;
	json_int_t min, max;
	const char *const *words;       /* a string is one of these; NULL: any */
};

struct method {
	const char *name;
	bool changes;
	struct parameter parameters[3];
	int (*run)(const struct request *request);
};

/* --- answers. @parameters: a new reference, NULL if there was no memory for it. */

static int answer_more(const struct request *request, json_t *parameters, bool continues)
{
	int r = parameters ? 0 : -ENOMEM;

	if (r == 0 && !request->call->oneway)
		r = control_answer(request->peer, &(struct ct_varlink_reply){
							  .parameters = parameters, .continues = continues });
	json_decref(parameters);
	return r;
}

static int answer(const struct request *request, json_t *parameters)
{
	return answer_more(request, parameters, false);
}

static int refuse(const struct request *request, const char *error, json_t *parameters)
{
	int r = parameters ? 0 : -ENOMEM;

	if (r == 0 && !request->call->oneway)
		r = control_answer(request->peer, &(struct ct_varlink_reply){
							  .error = error, .parameters = parameters });
	json_decref(parameters);
	return r;
}

static int refuse_parameter(const struct request *request, const char *name)
{
	return refuse(request, SERVICE ".InvalidParameter", json_pack("{s:s}", "parameter", name));
}

/* Names from outside in a message needn't be UTF-8: the daemon's messages are printable ASCII, see ct_err. */
static int failed(const struct request *request, int code, const struct ct_err *err)
{
	if (code == -ESTALE)
		return refuse(request, CONNTUNE ".NothingWaits", json_pack("{s:s}", "message", err->msg));
	return refuse(request, CONNTUNE ".Failed", json_pack("{s:i,s:s}", "code", -code, "message", err->msg));
}

/* @r: of what was asked for */
static int answer_change(const struct request *request, int r, const struct ct_err *err)
{
	const struct control *control = request->peer->control;

	if (r < 0)
		return failed(request, r, err);
	if (control->ops->changed)
		control->ops->changed(control->userdata);
	return answer(request, json_object());
}

/* --- parameters */

static const json_t *parameter(const struct request *request, const char *name)
{
	const json_t *v = json_object_get(request->call->parameters, name);

	return json_is_null(v) ? NULL : v;
}

static bool is_valid(const struct parameter *row, const json_t *v)
{
	if (!v || json_is_null(v))
		return !row->required;
	if (json_typeof(v) != row->type)
		return false;
	if (row->type == JSON_INTEGER)
		return json_integer_value(v) >= row->min && json_integer_value(v) <= row->max;
	for (const char *const *word = row->words; word; word++)
		if (!*word)
			return false;
		else if (strcmp(*word, json_string_value(v)) == 0)
			return true;
	return true;
}

/* The first one that is wrong; NULL: all are fine. Unknown ones are wrong: what they ask for wouldn't be done. */
static const char *find_wrong(const struct method *method, json_t *parameters)
{
	const char *name;
	json_t *v;

	for (const struct parameter *row = method->parameters; row->name; row++)
		if (!is_valid(row, json_object_get(parameters, row->name)))
			return row->name;
	json_object_foreach(parameters, name, v) {
		const struct parameter *row = method->parameters;

		while (row->name && strcmp(row->name, name) != 0)
			row++;
		if (!row->name)
			return name;
	}
	return NULL;
}

/* --- org.varlink.service */

static int get_info(const struct request *request)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < INTERFACES; i++)
		if (json_array_append_new(list, json_string(interfaces[i].name)) < 0) {
			json_decref(list);
			list = NULL;
		}
	if (!list)
		return -ENOMEM;
	return answer(request, json_pack("{s:s,s:s,s:s,s:s,s:o}", "vendor", "conntune", "product", "conntuned", "version",
					 PACKAGE_VERSION, "url", PACKAGE_URL, "interfaces", list));
}

static int get_description(const struct request *request)
{
	const char *name = json_string_value(parameter(request, "interface"));

	for (size_t i = 0; i < INTERFACES; i++)
		if (strcmp(interfaces[i].name, name) == 0)
			return answer(request, json_pack("{s:s}", "description", interfaces[i].description));
	return refuse(request, SERVICE ".InterfaceNotFound", json_pack("{s:s}", "interface", name));
}

/* --- org.conntune */

static int get_status(const struct request *request)
{
	const struct control *control = request->peer->control;

	return answer(request, control->ops->status(control->userdata));
}

static int hold(const struct request *request)
{
	const struct control *control = request->peer->control;
	uint64_t seconds = (uint64_t)json_integer_value(parameter(request, "seconds"));
	struct ct_err err = { 0 };
	int r = control->ops->hold(control->userdata, seconds, &err);

	return answer_change(request, r, &err);
}

static int resume(const struct request *request)
{
	const struct control *control = request->peer->control;
	struct ct_err err = { 0 };
	int r = control->ops->resume(control->userdata, &err);

	return answer_change(request, r, &err);
}

static int confirm(const struct request *request)
{
	const struct control *control = request->peer->control;
	struct ct_err err = { 0 };
	int r = control->ops->confirm(control->userdata, &err);

	return answer_change(request, r, &err);
}

/* @first of @rows and those behind it, as many as fit */
static json_t *some_rows(const json_t *rows, size_t first)
{
	json_t *some = json_array();

	for (size_t i = first; some && i < json_array_size(rows) && i < first + ROWS_PER_ANSWER; i++)
		if (json_array_append(some, json_array_get(rows, i)) < 0) {
			json_decref(some);
			some = NULL;
		}
	return some ? json_pack("{s:o}", "rows", some) : NULL;
}

static int send_rows(const struct request *request, const json_t *rows)
{
	size_t n = json_array_size(rows), i = 0;
	bool more;
	int r;

	if (!request->call->more && n > ROWS_PER_ANSWER)
		i = n - ROWS_PER_ANSWER;
	do {
		more = n - i > ROWS_PER_ANSWER;
		r = answer_more(request, some_rows(rows, i), more);
		i += ROWS_PER_ANSWER;
	} while (r == 0 && more);
	return r;
}

static int get_history(const struct request *request)
{
	const struct control *control = request->peer->control;
	struct ct_err err = { 0 };
	json_t *rows = control->ops->history(control->userdata, json_string_value(parameter(request, "span")),
					     json_integer_value(parameter(request, "since")), &err);
	int r;

	if (!rows)
		return failed(request, err.code < 0 ? err.code : -EIO, &err);
	r = send_rows(request, rows);
	json_decref(rows);
	return r;
}

static const char *const spans[] = { "minute", "hour", "day", NULL };

static const struct method methods[] = {
	{ .name = SERVICE ".GetInfo", .run = get_info },
	{
		.name = SERVICE ".GetInterfaceDescription",
		.parameters = { { .name = "interface", .type = JSON_STRING, .required = true } },
		.run = get_description,
	},
	{ .name = CONNTUNE ".Status", .run = get_status },
	{
		.name = CONNTUNE ".Hold",
		.changes = true,
		.parameters = { { .name = "seconds", .type = JSON_INTEGER, .min = 1, .max = HOLD_SECONDS_MAX } },
		.run = hold,
	},
	{ .name = CONNTUNE ".Resume", .changes = true, .run = resume },
	{ .name = CONNTUNE ".Confirm", .changes = true, .run = confirm },
	{
		.name = CONNTUNE ".History",
		.parameters = { { .name = "span", .type = JSON_STRING, .required = true, .words = spans },
				{ .name = "since", .type = JSON_INTEGER, .min = 0, .max = INT64_MAX / 1000000 } },
		.run = get_history,
	},
};

static int refuse_unknown(const struct request *request)
{
	const char *method = request->call->method;
	size_t dot = 0;

	(void)ct_varlink_is_name(method, &dot);
	for (size_t i = 0; i < INTERFACES; i++)
		if (strlen(interfaces[i].name) == dot && strncmp(interfaces[i].name, method, dot) == 0)
			return refuse(request, SERVICE ".MethodNotFound", json_pack("{s:s}", "method", method));
	return refuse(request, SERVICE ".InterfaceNotFound", json_pack("{s:s%}", "interface", method, dot));
}

int control_call(struct peer *peer, const struct ct_varlink_call *call)
{
	const struct request request = { .peer = peer, .call = call };
	const struct method *method = methods;
	const char *wrong;

	while (method < methods + sizeof(methods) / sizeof(methods[0]) && strcmp(method->name, call->method) != 0)
		method++;
	if (method == methods + sizeof(methods) / sizeof(methods[0]))
		return refuse_unknown(&request);
	if (call->upgrade)
		return refuse(&request, SERVICE ".MethodNotImplemented", json_pack("{s:s}", "method", call->method));
	if (method->changes && !control_may_change(peer->control, peer))
		return refuse(&request, CONNTUNE ".PermissionDenied",
			      json_pack("{s:s}", "message",
					"only root, the user of conntuned and members of its group may change anything"));
	wrong = find_wrong(method, call->parameters);
	return wrong ? refuse_parameter(&request, wrong) : method->run(&request);
}
