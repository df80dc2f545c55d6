/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time-outs that are short for a while: their originals are on disk first, and they go back whatever happens. */
#include "config.h"
#include "act_internal.h"

#include <stdio.h>
#include <conntune/apply.h>

/* @changed: 0: that is advice. */
static void tell_timeouts(const struct act *a, const struct decide_verdict *v, double from, double to, size_t changed)
{
	struct journal_entry e = {
		.priority = LOG_NOTICE,
		.id = !changed ? JOURNAL_ID_ADVICE : JOURNAL_ID_TIMEOUTS,
		.state = v ? decide_state_name(v->state) : NULL,
		.action = decide_action_name(DECIDE_TIMEOUTS),
		.reason = v ? decide_reason_name(v->reason) : "stop",
		.evidence = v ? v->evidence : NULL,
	};
	const char *text = v ? decide_reason_text(v->reason) : "Neither a stop nor mere advice leaves them short.";
	char what[96];

	if (!changed)
		(void)snprintf(what, sizeof(what), "time-outs would go to %.0f %% of what was found", to * 100);
	else if (to >= 1)
		(void)snprintf(what, sizeof(what), "%zu time-outs are as they were found again", changed);
	else
		(void)snprintf(what, sizeof(what), "%zu time-outs set, from %.0f %% to %.0f %% of what was found", changed,
			       from * 100, to * 100);
	(void)snprintf(e.message, sizeof(e.message), "%s (%s)%s%s. %s", what, e.reason, e.evidence && *e.evidence ? ": " : "",
		       e.evidence ? e.evidence : "", text);
	journal_write(a->journal, &e);
}

static int recover(struct act *a, struct ct_err *err)
{
	int r = a->recovered || !a->timeouts_path ? 0 : ct_timeouts_recover(a->fs, a->timeouts_path, err);

	a->recovered = r >= 0;
	if (r > 0)
		journal_say(a->journal, LOG_NOTICE,
			    "the last conntuned ended without putting %d time-outs back: done now", r);
	return r < 0 ? r : 0;
}

/* The last function before the deed, as apply() in act.c. To put back what is really short is a debt, and never advice. */
int act_timeouts_scale(struct act *a, const struct decide_verdict *v, double scale, struct ct_err *err)
{
	double from = a->scale;
	size_t changed = 0;
	int lock = -1, r;

	if (scale == a->scale) {
		a->owed &= a->dry;
		return 0;
	}
	if (a->dry && !(scale >= 1 && a->scale < 1)) {
		tell_timeouts(a, v, from, scale, 0);
		return 0;
	}
	r = act_lock(a, &lock, err);
	/* what they are now may be what a crash left: it must not pass for the original */
	if (r == 0)
		r = recover(a, err);
	if (r == 0)
		r = ct_timeouts_scale(a->fs, a->timeouts_path, scale, &a->timeouts, &changed, err);
	ct_lock_drop(lock);
	/* partly shorter is shorter: otherwise nothing would remember to put them back */
	if (r < 0 && changed && scale < from) {
		act_fail(a, "not all time-outs could be shortened", err);
		r = 1;
	}
	if (r >= 0) {
		a->scale = scale;
		a->owed = false;
	}
	if (changed)
		tell_timeouts(a, v, from, scale, changed);
	return r;
}

static void pay_back(struct act *a)
{
	struct ct_err err = { 0 };

	if (a->owed && act_timeouts_scale(a, NULL, 1, &err) < 0)
		act_fail(a, "time-outs stay short for now", &err);
}

void act_recover(struct act *a)
{
	struct ct_err err = { 0 };

	if (recover(a, &err) < 0)
		act_fail(a, "time-outs of an earlier conntuned", &err);
	pay_back(a);
}

/* Advice must not leave behind what it would only have advised. */
void act_set_dry(struct act *a, bool dry)
{
	a->dry = dry;
	a->owed |= dry && a->scale < 1;
	pay_back(a);
}

void act_reloaded(struct act *a)
{
	a->timeouts = (struct ct_timeouts){ 0 };
	a->scale = 1;
	a->owed = false;
	if (a->timeouts_path)
		a->recovered = ct_timeouts_recover(a->fs, a->timeouts_path, NULL) >= 0;
}
