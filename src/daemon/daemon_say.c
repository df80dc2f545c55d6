/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others are told: lines of the journal, the status line of the service manager, answers of the local API. */
#include "config.h"
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <conntune/memory.h>

/* The status line changes with the state, and else not more often than: */
#define SAID_USEC UINT64_C(60000000)

/* Rows of history in one answer. */
#define ROWS_MAX 1500

static const char *value(char text[24], struct ct_u64 v)
{
	if (!v.known)
		return "an unknown number";
	(void)snprintf(text, 24, "%" PRIu64, v.v);
	return text;
}

static int loudness(enum decide_state state)
{
	switch (state) {
	case DECIDE_BLIND:
	case DECIDE_FLOOD:
	case DECIDE_CEILING:
	case DECIDE_MEMORY:
		return LOG_WARNING;
	case DECIDE_ABSENT:
	case DECIDE_HELD:
	case DECIDE_REST:
	case DECIDE_GROWTH:
	case DECIDE_STATE__COUNT:
		return LOG_INFO;
	}
	return LOG_INFO;
}

/* What is wrong, where something is. */
static void add_cause(struct journal_entry *e, const struct ct_cause *cause)
{
	size_t n = strlen(e->message);

	if (!cause->name || !cause->name[0] || cause->healthy)
		return;
	(void)snprintf(e->message + n, sizeof(e->message) - n, "; %s%s%s", cause->text, cause->remedy[0] ? ": " : "",
		       cause->remedy);
}

void daemon_say_state(struct daemon *d, enum decide_state before)
{
	const struct decide_verdict *v = &d->verdict;
	struct journal_entry e = {
		.priority = loudness(v->state),
		.id = JOURNAL_ID_STATE,
		.state = decide_state_name(v->state),
		.action = decide_action_name(v->action),
		.reason = decide_reason_name(v->reason),
		.evidence = v->evidence,
		.from = d->look.limit,
	};

	if (v->state != before)
		d->state_usec = d->look.now_usec;
	if (v->state == before && !v->urgent)
		return;
	(void)snprintf(e.message, sizeof(e.message), "state %s%s%s%s%s", decide_state_name(v->state),
		       before == DECIDE_STATE__COUNT || before == v->state ? "" : ", was ",
		       before == DECIDE_STATE__COUNT || before == v->state ? "" : decide_state_name(before),
		       v->evidence[0] ? ": " : "", v->evidence);
	if (loudness(v->state) == LOG_WARNING)
		add_cause(&e, &v->cause);
	journal_write(&d->journal, &e);
}

/* Ready once a cycle went well; every word costs the manager a wake-up, so there are few. */
void daemon_say_status(struct daemon *d)
{
	char entries[24], limit[24], buckets[24], line[sizeof(d->said)];
	bool same_state = strncmp(d->said, decide_state_name(d->verdict.state),
				  strlen(decide_state_name(d->verdict.state))) == 0;

	if (d->ready && same_state && d->verdict.action == DECIDE_NOTHING && d->look.now_usec - d->said_usec < SAID_USEC)
		return;
	d->said_usec = d->look.now_usec;
	if (d->look.present)
		(void)snprintf(line, sizeof(line), "%s: %s entries of %s, %s buckets", decide_state_name(d->verdict.state),
			       value(entries, d->look.entries), value(limit, d->look.limit),
			       value(buckets, d->look.buckets));
	else
		(void)snprintf(line, sizeof(line), "%s: connection tracking isn't loaded",
			       decide_state_name(d->verdict.state));
	if (!d->ready)
		(void)sd_notifyf(0, "READY=1\nSTATUS=%s", line);
	else if (strcmp(line, d->said) != 0)
		(void)sd_notifyf(0, "STATUS=%s", line);
	d->ready = true;
	(void)snprintf(d->said, sizeof(d->said), "%s", line);
}

/* For the API: the last actions and what came of them. */
void daemon_remember(struct daemon *d, const struct decide_outcome *o)
{
	struct status_action *a = &d->actions[d->action_count++ % STATUS_ACTIONS_MAX];
	const struct decide_verdict *v = &d->verdict;
	uint64_t now = 0;

	(void)sd_event_now(d->event, CLOCK_REALTIME, &now);
	*a = (struct status_action){
		.unix_usec = (int64_t)now,
		.action = decide_action_name(v->action),
		.reason = decide_reason_name(v->reason),
		.text = decide_reason_text(v->reason),
		.result = o->done < 0 ? STATUS_FAILED : d->act.dry ? STATUS_ADVISED : STATUS_DONE,
	};
	(void)snprintf(a->evidence, sizeof(a->evidence), "%s", v->evidence);
	if (o->done < 0)
		(void)snprintf(a->error, sizeof(a->error), "%.200s",
			       journal_last_failure(&d->journal)[0] ? journal_last_failure(&d->journal) : strerror(-o->done));
	if (v->action == DECIDE_TIMEOUTS) {
		a->scale.known = true;
		a->scale.v = v->scale;
		return;
	}
	if (v->limit) {
		a->old_limit = d->look.limit;
		a->new_limit = d->act.dry ? (struct ct_u64){ .known = true, .v = v->limit } : o->limit;
	}
	if (v->buckets) {
		a->old_buckets = d->look.buckets;
		a->new_buckets = d->act.dry ? (struct ct_u64){ .known = true, .v = v->buckets } : o->buckets;
	}
	a->stall_seconds.known = o->stall_usec > 0;
	a->stall_seconds.v = (double)o->stall_usec / 1e6;
}

static struct status_real seconds(uint64_t usec)
{
	return (struct status_real){ .known = true, .v = (double)usec / 1e6 };
}

static struct ct_u64 if_any(uint64_t v)
{
	return (struct ct_u64){ .known = v > 0, .v = v };
}

static void fill_waiting(const struct daemon *d, struct status *s)
{
	uint64_t now = daemon_now(d), hold = d->hold_usec;

	/* a change that nobody confirmed went back: that ends with resume, too */
	s->hold = hold > now || d->decide.hold;
	if (s->hold && !d->decide.hold && hold != UINT64_MAX)
		s->hold_seconds = seconds(hold - now);
	if (d->decide.confirm_by_usec)
		s->confirm_seconds = seconds(d->decide.confirm_by_usec > now ? d->decide.confirm_by_usec - now : 0);
}

static void fill_memory(const struct daemon *d, struct status *s)
{
	const struct ct_size_request *req = &d->config.request;
	uint64_t bytes;

	s->mem_available_bytes = d->look.mem_available;
	if (!d->configured)
		return;
	s->mem_floor_bytes = if_any(ct_memory_floor(ct_memory_usable(req->ram_bytes, req->pointer_bits)));
	s->budget_bytes = if_any(req->budget_bytes);
	if (d->look.entries.known && d->look.buckets.known &&
	    ct_memory_full(&req->kernel, req->page_bytes, req->entry_bytes, d->look.entries.v, d->look.buckets.v, &bytes,
			   NULL) == 0)
		s->memory_bytes = if_any(bytes);
	if (d->look.limit.known && d->look.limit.v && d->look.buckets.known &&
	    ct_memory_full(&req->kernel, req->page_bytes, req->entry_bytes, d->look.limit.v, d->look.buckets.v, &bytes,
			   NULL) == 0)
		s->memory_full_bytes = if_any(bytes);
}

static void fill_namespaces(const struct daemon *d, struct status *s)
{
	const struct ct_netns_survey *n = &d->collect.neighbours.survey;

	s->namespaces_known = n->namespaces > 0;
	s->namespace_count = n->namespaces;
	s->namespace_entries = n->all_entries;
	s->worst_known = n->worst_entries.known;
	s->worst.name = n->worst_name;
	s->worst.entries = n->worst_entries.v;
	s->worst.fill.known = s->worst_known && d->look.limit.known && d->look.limit.v > 0;
	if (s->worst.fill.known)
		s->worst.fill.v = (double)n->worst_entries.v / (double)d->look.limit.v;
}

static void fill_foreign(const struct daemon *d, struct status *s, struct status_foreign list[2])
{
	s->foreign = list;
	if (d->decide.limit_yielded)
		list[s->foreign_count++] = (struct status_foreign){ .name = ct_param_get(CT_PARAM_LIMIT)->name,
								    .value = d->look.limit.v };
	if (d->decide.buckets_yielded)
		list[s->foreign_count++] = (struct status_foreign){ .name = ct_param_get(CT_PARAM_BUCKETS)->name,
								    .value = d->look.buckets.v };
}

static void fill_settings(const struct daemon *d, struct status *s, struct status_setting list[STATUS_SETTINGS_MAX])
{
	const struct ct_setting *row;

	s->settings = list;
	for (size_t i = 0; i < STATUS_SETTINGS_MAX && (row = ct_setting_at(i)); i++) {
		struct status_setting *one = &list[s->setting_count++];

		one->section = row->section;
		one->key = row->key;
		if (ct_setting_text(&d->settings, i, one->value, sizeof(one->value)) < 0)
			one->value[0] = '\0';
	}
}

/* Oldest first, out of the ring. */
static void fill_actions(const struct daemon *d, struct status *s, struct status_action list[STATUS_ACTIONS_MAX])
{
	size_t n = d->action_count < STATUS_ACTIONS_MAX ? d->action_count : STATUS_ACTIONS_MAX;

	for (size_t i = 0; i < n; i++)
		list[i] = d->actions[(d->action_count - n + i) % STATUS_ACTIONS_MAX];
	s->actions = list;
	s->action_count = n;
}

static void fill_table(const struct daemon *d, struct status *s)
{
	const struct decide_verdict *v = &d->verdict;

	s->entries = d->look.entries;
	s->limit = d->look.limit;
	s->buckets = d->look.buckets;
	s->all_entries = d->look.all_entries;
	s->unreplied = (struct status_real){ .known = d->look.unreplied.known, .v = d->look.unreplied.v };
	s->target_limit = if_any(v->target_limit);
	s->target_buckets = if_any(v->target_buckets);
	s->ceiling = if_any(v->ceiling);
	if (v->full_in_usec != UINT64_MAX)
		s->full_in_seconds = seconds(v->full_in_usec);
	s->timeouts_scale = (struct status_real){ .known = d->act.scale < 1, .v = d->act.scale };
}

void daemon_fill_status(const struct daemon *d, struct status *ret, struct status_foreign foreign[2])
{
	struct status s = {
		.state = decide_state_name(d->verdict.state),
		.reason = decide_reason_name(d->verdict.reason),
		.reason_text = decide_reason_text(d->verdict.reason),
		.state_seconds = (double)(daemon_now(d) - d->state_usec) / 1e6,
		.mode = ct_mode_name(d->settings.mode),
		.cause = &d->verdict.cause,
		.kernel = d->collect.facts.release,
		.started = d->started,
	};

	fill_table(d, &s);
	fill_waiting(d, &s);
	fill_memory(d, &s);
	fill_namespaces(d, &s);
	fill_foreign(d, &s, foreign);
	*ret = s;
}

static json_t *status(void *userdata)
{
	const struct daemon *d = userdata;
	struct status_action actions[STATUS_ACTIONS_MAX];
	struct status_setting settings[STATUS_SETTINGS_MAX];
	struct status_foreign foreign[2];
	struct status s;

	daemon_fill_status(d, &s, foreign);
	fill_settings(d, &s, settings);
	fill_actions(d, &s, actions);
	return status_json(&s);
}

static int hold(void *userdata, uint64_t seconds, struct ct_err *err)
{
	struct daemon *d = userdata;

	(void)err;
	d->hold_usec = seconds ? daemon_now(d) + seconds * 1000000 : UINT64_MAX;
	return 0;
}

static int resume(void *userdata, struct ct_err *err)
{
	struct daemon *d = userdata;

	(void)err;
	d->hold_usec = 0;
	d->resumed = true;
	return 0;
}

static int confirm(void *userdata, struct ct_err *err)
{
	struct daemon *d = userdata;

	if (!d->decide.confirm_by_usec) {
		err->code = -ESTALE;
		(void)snprintf(err->msg, sizeof(err->msg), "no change of conntuned waits to be confirmed");
		return -ESTALE;
	}
	d->confirmed = true;
	return 0;
}

static const struct {
	enum history_span span;
	uint64_t seconds;
} spans[] = { { HISTORY_MINUTE, 60 }, { HISTORY_HOUR, 3600 }, { HISTORY_DAY, 86400 } };

static json_t *history(void *userdata, const char *span, int64_t since, struct ct_err *err)
{
	struct daemon *d = userdata;
	struct history_row *rows;
	json_t *list = NULL;
	size_t i = 0;
	int n;

	while (i < 2 && strcmp(history_span_name(spans[i].span), span) != 0)
		i++;
	rows = calloc(ROWS_MAX, sizeof(*rows));
	n = !rows ? -ENOMEM : !d->history ? 0 : history_rows(d->history, spans[i].span, since, rows, ROWS_MAX, err);
	if (n >= 0)
		list = status_history_json(rows, (size_t)n, spans[i].seconds);
	if (n == -ENOMEM || (n >= 0 && !list)) {
		err->code = -ENOMEM;
		(void)snprintf(err->msg, sizeof(err->msg), "out of memory");
	}
	free(rows);
	return list;
}

static void changed(void *userdata)
{
	daemon_look_soon(userdata);
}

const struct control_ops daemon_ops = {
	.status = status,
	.hold = hold,
	.resume = resume,
	.confirm = confirm,
	.history = history,
	.changed = changed,
};
