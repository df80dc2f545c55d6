/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntuned says: names of states, actions and reasons, and the evidence of a verdict. Pure. */
#include "config.h"
#include "scene.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[DECIDE_STATE__COUNT] = {
	[DECIDE_ABSENT] = "absent",   [DECIDE_BLIND] = "blind",	    [DECIDE_HELD] = "held",
	[DECIDE_REST] = "rest",	      [DECIDE_GROWTH] = "growth",   [DECIDE_FLOOD] = "flood",
	[DECIDE_CEILING] = "ceiling", [DECIDE_MEMORY] = "memory",
};

static const char *const action_names[] = {
	[DECIDE_NOTHING] = "nothing",
	[DECIDE_SET] = "set",
	[DECIDE_TIMEOUTS] = "timeouts",
	[DECIDE_PUT_BACK] = "put-back",
};

static const struct {
	const char *name, *text;
} reasons[DECIDE_REASON__COUNT] = {
	[DECIDE_NO_REASON] = { "none", "Nothing is to be done." },
	[DECIDE_START] = { "start", "Sizes by the policy; buckets early, while moving the few entries stalls nobody." },
	[DECIDE_RELOAD] = { "reload", "Connection tracking came back with values of its own; ours are set again." },
	[DECIDE_FORECAST] = { "forecast", "The table would be full soon; the limit goes ahead of it." },
	[DECIDE_DEMAND] = { "demand", "History, memory or configuration ask for more than there is." },
	[DECIDE_CHAINS] = { "chains", "Chains are so long that a resize costs less than they do." },
	[DECIDE_FOREIGN_WRITE] = { "foreign-write", "Somebody else wrote a value of ours." },
	[DECIDE_LESS_MEMORY] = { "less-memory", "The memory budget is smaller than the limit was made for." },
	[DECIDE_SHRINK] = { "shrink", "Demand has been low for long, and going back down is configured." },
	[DECIDE_PRESSURE] = { "pressure", "The table is so full that entries nobody needs must go earlier." },
	[DECIDE_RELIEF] = { "relief", "There is room again: time-outs go back." },
	[DECIDE_UNCONFIRMED] = { "unconfirmed", "The change was not confirmed in time, so it is taken back." },
};

const char *decide_state_name(enum decide_state state)
{
	return state_names[state];
}

const char *decide_action_name(enum decide_action action)
{
	return action_names[action];
}

const char *decide_reason_name(enum decide_reason reason)
{
	return reasons[reason].name;
}

const char *decide_reason_text(enum decide_reason reason)
{
	return reasons[reason].text;
}

void scene_say(struct scene *s, const char *format, ...)
{
	char *text = s->ret->evidence;
	size_t used = strlen(text);
	va_list ap;

	if (used) {
		(void)snprintf(text + used, sizeof(s->ret->evidence) - used, ", ");
		used = strlen(text);
	}
	va_start(ap, format);
	(void)vsnprintf(text + used, sizeof(s->ret->evidence) - used, format, ap);
	va_end(ap);
}

void scene_say_table(struct scene *s)
{
	const struct view *v = &s->v;

	if (!v->look->present || !v->readable) {
		scene_say(s, v->look->present ? "limit or entries can't be read" : "no connection tracking");
		return;
	}
	if (v->unlimited)
		scene_say(s, "%" PRIu64 " entries and no limit", v->entries);
	else
		scene_say(s, "%" PRIu64 " of %" PRIu64 " entries%s%s", v->entries, v->limit,
			  v->look->where[0] ? " in the namespace of " : "", v->look->where);
	if (s->d->forecast.rate_high >= 1 && s->d->forecast.rate_high > 2 * s->d->forecast.rate)
		scene_say(s, "up to %+.0f/s", s->d->forecast.rate_high);
	else if (fabs(s->d->forecast.rate) >= 1)
		scene_say(s, "%+.0f/s", s->d->forecast.rate);
	if (v->full_usec <= 3600 * SECOND)
		scene_say(s, "full in %.3g s", (double)v->full_usec / (double)SECOND);
}

void scene_say_state(struct scene *s)
{
	const struct view *v = &s->v;

	if (v->share_known && s->d->state != DECIDE_REST)
		scene_say(s, "%.0f %% unanswered", 100 * v->share_unreplied);
	if (s->d->state == DECIDE_CEILING)
		scene_say(s, "%s %" PRIu64, v->ceiling < v->budget_limit ? "the policy ends at" : "memory budget allows",
			  v->ceiling);
	if (s->d->state == DECIDE_FLOOD)
		scene_say(s, "a flood may have %" PRIu64, v->flood_share);
	if (s->d->state == DECIDE_MEMORY)
		scene_say(s, "MemAvailable %" PRIu64 " MiB", v->look->mem_available.v >> 20);
	if (s->d->state == DECIDE_BLIND && v->readable)
		scene_say(s, "the limit can't be written here");
}
