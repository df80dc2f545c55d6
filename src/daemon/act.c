/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans made and applied under the lock that the command line takes too. Time-outs are in act_timeouts.c. */
#include "config.h"
#include "act_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <conntune/apply.h>
#include <conntune/plan.h>
#include <conntune/record.h>

/* At the stop: a resize of a full table takes seconds, and the service manager waits for 30 s. */
#define PATIENCE_USEC UINT64_C(10000000)

struct run {
	struct act *act;
	const struct decide_verdict *verdict;
	struct decide_outcome *outcome;
	struct act_values set;                  /* ours before */
	uint64_t entries, since_nsec;
};

void act_init(struct act *a, struct ct_fs *fs, struct journal *journal, const char *timeouts_path)
{
	*a = (struct act){
		.fs = fs,
		.journal = journal,
		.timeouts_path = timeouts_path,
		.dry = !timeouts_path,
		.scale = 1,
	};
}

void act_fail(struct act *a, const char *what, const struct ct_err *err)
{
	char text[sizeof(err->msg) + 64];

	(void)snprintf(text, sizeof(text), "%s: %s", what, err->msg);
	journal_fail(a->journal, text);
}

void act_found(struct act *a, const struct ct_facts *facts)
{
	if (facts->presence == CT_PRESENCE_ABSENT || a->first.limit.known)
		return;
	a->first.limit = ct_facts_limit(facts);
	a->first.buckets = ct_facts_buckets(facts);
}

/*
 * Of our own processor time, not of the clock: the kernel moves entries within the write, without sleeping, and what we wait
 * for a processor or for its grace period stalls nobody.
 */
static uint64_t now_nsec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct ct_u64 known(uint64_t v)
{
	return (struct ct_u64){ .known = true, .v = v };
}

static const char *of(enum ct_param_id param)
{
	return param == CT_PARAM_LIMIT ? "limit" : "buckets";
}

static const char *why(const struct decide_verdict *v, enum ct_step_result result)
{
	if (result == CT_STEP_UNDONE)
		return "A step failed, and a change is done whole or not at all.";
	return v->reason ? decide_reason_text(v->reason) : "A clean stop leaves it as found, if asked to.";
}

static void tell_step(const struct run *run, const struct ct_step *step, enum ct_step_result result, uint64_t got)
{
	const struct decide_verdict *v = run->verdict;
	struct journal_entry e = {
		.priority = LOG_NOTICE,
		.id = result == CT_STEP_WOULD ? JOURNAL_ID_ADVICE : JOURNAL_ID_SET,
		.state = decide_state_name(v->state),
		.action = decide_action_name(v->action),
		.reason = v->reason ? decide_reason_name(v->reason) : "stop",
		.param = ct_param_get(step->param)->name,
		.evidence = v->evidence,
		.from = result == CT_STEP_UNDONE ? known(step->value) : step->old,
		.to = known(result == CT_STEP_WOULD ? step->value : got),
	};
	const char *how = result == CT_STEP_WOULD    ? "would go"
			  : result == CT_STEP_UNDONE ? "went back"
						     : "set";
	char stall[48] = "";

	if (result == CT_STEP_DONE && step->param == CT_PARAM_BUCKETS && run->outcome->stall_usec)
		(void)snprintf(stall, sizeof(stall), ", tracking stood still for %.1f ms at most",
			       (double)run->outcome->stall_usec / 1000);
	(void)snprintf(e.message, sizeof(e.message), "%s %s from %" PRIu64 " to %" PRIu64 " (%s)%s%s%s. %s",
		       of(step->param), how, e.from.v, e.to.v, e.reason, stall, v->evidence[0] ? ": " : "", v->evidence,
		       why(v, result));
	journal_write(run->act->journal, &e);
}

/* As read back. One that was taken back is ours if it was so before. */
static void note_value(struct run *run, enum ct_param_id param, enum ct_step_result result, uint64_t got)
{
	struct act_values *set = &run->act->set;

	*(param == CT_PARAM_LIMIT ? &run->outcome->limit : &run->outcome->buckets) = known(got);
	if (param == CT_PARAM_LIMIT)
		set->limit = result == CT_STEP_DONE ? known(got) : run->set.limit;
	else
		set->buckets = result == CT_STEP_DONE ? known(got) : run->set.buckets;
}

/* The time between two steps is that of the write: all else is a read or two. */
static void on_step(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct run *run = userdata;
	uint64_t now = now_nsec();

	if (result == CT_STEP_DONE && step->param == CT_PARAM_BUCKETS) {
		run->outcome->stall_usec = (now - run->since_nsec) / 1000;
		run->outcome->nodes = 2 * run->entries;
	}
	if (result == CT_STEP_DONE || result == CT_STEP_UNDONE)
		note_value(run, step->param, result, got);
	if (result != CT_STEP_FAILED)
		tell_step(run, step, result, got);
	run->since_nsec = now_nsec();
}

static uint64_t monotonic_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int act_lock(struct act *a, int *lock, struct ct_err *err)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int r = ct_lock_take(a->fs, lock, err);

	if (r == -EBUSY && a->wait_until_usec)
		journal_say(a->journal, LOG_INFO, "%s: waiting for it", err->msg);
	while (r == -EBUSY && monotonic_usec() < a->wait_until_usec) {
		(void)nanosleep(&pause, NULL);
		r = ct_lock_take(a->fs, lock, err);
	}
	return r;
}

static int record_first(struct act *a, const struct ct_facts *facts, struct ct_err *err)
{
	struct ct_record rec;
	bool first = ct_record_load(a->fs, &rec, NULL) == -ENOENT;
	int r = ct_record_first(a->fs, facts, err);

	a->recorded |= r == 0 && first;
	return r;
}

/* The last function before the deed: here a dry run ends, whoever called. */
static int apply(struct run *run, const struct ct_facts *facts, const struct ct_plan *plan, struct ct_err *err)
{
	const struct ct_apply_options options = { .dry_run = run->act->dry, .on_step = on_step, .userdata = run };
	int lock = -1, r;

	if (plan->step_count == 0)
		return 0;
	run->since_nsec = now_nsec();
	if (run->act->dry)
		return ct_apply_plan(run->act->fs, plan, &options, err);
	r = act_lock(run->act, &lock, err);
	if (r == 0)
		r = record_first(run->act, facts, err);
	run->since_nsec = now_nsec();
	if (r == 0)
		r = ct_apply_plan(run->act->fs, plan, &options, err);
	ct_lock_drop(lock);
	return r;
}

static void set(struct act *a, const struct ct_facts *facts, const struct decide_verdict *v,
		const struct ct_wanted *wanted, struct decide_outcome *ret, struct ct_err *err)
{
	struct run run = {
		.act = a, .verdict = v, .outcome = ret, .set = a->set, .entries = ct_facts_entries(facts).v,
	};
	struct ct_plan plan = { .step_count = 0 };

	ret->limit = ct_facts_limit(facts);
	ret->buckets = ct_facts_buckets(facts);
	/* a plan for a machine without connection tracking would load it */
	ret->done = facts->presence == CT_PRESENCE_ABSENT ? -ENOENT : ct_plan_make(facts, wanted, &plan, err);
	if (ret->done == 0)
		ret->done = apply(&run, facts, &plan, err);
}

void act(struct act *a, const struct ct_facts *facts, const struct decide_verdict *v, struct decide_outcome *ret)
{
	const struct ct_wanted wanted = { .limit = v->limit, .buckets = v->buckets, .allow_shrink = v->allow_shrink };
	struct ct_err err = { .msg = "connection tracking went away" };
	int r = 0;

	*ret = (struct decide_outcome){ .done = 0 };
	switch (v->action) {
	case DECIDE_NOTHING:
		return;
	case DECIDE_SET:
	case DECIDE_PUT_BACK:
		set(a, facts, v, &wanted, ret, &err);
		break;
	case DECIDE_TIMEOUTS:
		r = act_timeouts_scale(a, v, v->scale, &err);
		ret->done = r < 0 ? r : 0;
		ret->limit = ct_facts_limit(facts);
		ret->buckets = ct_facts_buckets(facts);
		break;
	}
	if (ret->done < 0)
		journal_fail(a->journal, err.msg);
	else if (r == 0)
		journal_fine(a->journal);
}

struct settled {
	struct journal *journal;
	bool undone;
};

static void on_settled(const struct ct_step *step, enum ct_step_result result, uint64_t got, void *userdata)
{
	struct settled *settled = userdata;

	if (result != CT_STEP_UNDONE)
		return;
	settled->undone = true;
	journal_say(settled->journal, LOG_NOTICE,
		    "%s is %" PRIu64 " again: an apply was not confirmed in time, and its guard is gone", of(step->param),
		    got);
}

/* The claim is a lock on the file: whoever confirms or undoes at this moment has it, and then it isn't ours. */
static int take_back(struct act *a, struct ct_err *err)
{
	struct settled settled = { .journal = a->journal };
	const struct ct_apply_options options = { .on_step = on_settled, .userdata = &settled };
	struct ct_pending pending;
	int fd = -1, r = ct_pending_claim(a->fs, &pending, &fd, err);

	if (r < 0)
		return r;
	r = ct_apply_undo(a->fs, &pending, &options, err);
	/* where others' values are in force by now, perhaps ours, the record is the way back from those */
	if (r == 0 && pending.first && settled.undone)
		r = ct_record_forget(a->fs, err);
	if (r < 0) {
		ct_pending_release(fd);
		return r;
	}
	a->settled_usec = pending.deadline_usec;
	r = ct_pending_done(a->fs, fd, err);
	/* the file is root's, and so is its directory: root's next conntune removes it */
	return r == -EACCES || r == -EPERM ? 0 : r;
}

void act_settle(struct act *a)
{
	struct ct_err err = { 0 };
	int lock = -1, r = ct_lock_take(a->fs, &lock, &err);

	if (r == 0)
		r = take_back(a, &err);
	ct_lock_drop(lock);
	if (r < 0 && r != -ENOENT)
		act_fail(a, "an apply that was not confirmed", &err);
}

/* What somebody else has set is his, as for decisions. */
static bool is_ours(struct ct_u64 set, struct ct_u64 now)
{
	return set.known && now.known && set.v == now.v;
}

static bool is_found(struct ct_u64 first, struct ct_u64 now)
{
	return now.known && now.v == first.v;
}

static void tell_restored(const struct act *a, const struct decide_outcome *now, bool limit, bool buckets)
{
	if (limit && buckets)
		journal_say(a->journal, LOG_NOTICE, "limit %" PRIu64 " and %" PRIu64 " buckets as found at the start",
			    now->limit.v, now->buckets.v);
	else if (limit)
		journal_say(a->journal, LOG_NOTICE,
			    "limit %" PRIu64 " as found at the start; %" PRIu64 " buckets stay: somebody else set them",
			    now->limit.v, now->buckets.v);
	else if (buckets)
		journal_say(a->journal, LOG_NOTICE,
			    "%" PRIu64 " buckets as found at the start; limit %" PRIu64 " stays: somebody else set it",
			    now->buckets.v, now->limit.v);
	else
		journal_say(a->journal, LOG_NOTICE,
			    "limit %" PRIu64 " and %" PRIu64 " buckets stay: somebody else set them", now->limit.v,
			    now->buckets.v);
}

/*
 * Entries that came meanwhile stay: then the limit stays as well. Where not all is as it was found, the record of that is
 * still wanted, for `conntune revert`.
 */
static void restore(struct act *a, const struct ct_facts *facts)
{
	const struct decide_verdict v = { .action = DECIDE_PUT_BACK };
	bool limit = is_ours(a->set.limit, ct_facts_limit(facts));
	bool buckets = is_ours(a->set.buckets, ct_facts_buckets(facts));
	const struct ct_wanted wanted = {
		.limit = limit ? a->first.limit.v : 0,
		.buckets = buckets ? a->first.buckets.v : 0,
		.no_limit = limit && a->first.limit.v == 0,
	};
	struct decide_outcome outcome = { .done = 0 };
	struct ct_err err = { 0 };

	set(a, facts, &v, &wanted, &outcome, &err);
	if (outcome.done < 0) {
		act_fail(a, "limit and buckets stay as they are", &err);
		return;
	}
	limit |= is_found(a->first.limit, outcome.limit);
	buckets |= is_found(a->first.buckets, outcome.buckets);
	if (a->recorded && limit && buckets)
		(void)ct_record_forget(a->fs, NULL);
	tell_restored(a, &outcome, limit, buckets);
}

void act_stop(struct act *a, const struct ct_facts *facts, bool values)
{
	struct ct_err err = { 0 };
	bool any = a->set.limit.known || a->set.buckets.known;

	a->wait_until_usec = monotonic_usec() + PATIENCE_USEC;
	if (act_timeouts_scale(a, NULL, 1, &err) < 0)
		act_fail(a, "time-outs stay short until the next start", &err);
	if (values && any && !a->dry && a->first.limit.known && facts->presence != CT_PRESENCE_ABSENT)
		restore(a, facts);
}
