/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizing: a policy proposes, floors and memory bind, the kernel rounds; every step can say what it did. Pure. */
#include "config.h"
#include <conntune/size.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <conntune/chain.h>
#include <conntune/memory.h>

#include "util.h"

#define GIB (UINT64_C(1) << 30)

/* The documents' bounds; 128 also for demand: below 100 the kernel's own cleaning of a full table is off (4.12). */
#define LIMIT_MIN 128
#define LIMIT_CAP 65536

/* Arithmetic written out, while it is done. @used is what all lines together need, also when they were cut. */
struct text {
	char *p;
	size_t n, used;
};

/*
 * One computation under way. @text may be NULL; @usable: RAM that entries may be in, @available: what is available of
 * it, @room: what that leaves for growth; unit: bytes.
 */
struct sizing {
	const struct ct_size_request *req;
	const struct policy *policy;
	struct text *text;
	struct ct_size size;
	uint64_t usable, available, room;
};

/**
 * struct policy - one way to choose
 * @propose:       unrounded numbers and a limit, with what bound it
 * @buckets:       buckets wanted for a limit, before the kernel's rounding; never decreasing
 * @say_buckets:   why that many
 * @limit_min:     unit: connections
 * @keeps_present: doesn't go below ct_size_request.keep_limit and keep_buckets
 * @power_of_two:  a limit cut to memory becomes a power of two again
 * @observes:      says what the kernel does, so nothing is lifted or cut
 */
struct policy {
	const char *name;
	int (*propose)(struct sizing *s, struct ct_err *err);
	uint64_t (*buckets)(const struct ct_size_request *req, uint64_t limit);
	void (*say_buckets)(const struct sizing *s, uint64_t want);
	uint64_t limit_min;
	bool keeps_present, power_of_two, observes;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
	size_t at;
	va_list args;

	if (!t)
		return;
	at = t->used < t->n ? t->used : t->n;
	va_start(args, format);
	t->used += (size_t)vsnprintf(t->p + at, t->n - at, format, args);
	va_end(args);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t power_of_two_below(uint64_t v)
{
	return v ? UINT64_C(1) << (63 - __builtin_clzll(v)) : 0;
}

static uint64_t round_up(uint64_t v, uint64_t step)
{
	return (v + step - 1) / step * step;
}

static bool is_prime(uint64_t v)
{
	if (v < 4)
		return true;
	if (v % 2 == 0 || v % 3 == 0)
		return false;
	for (uint64_t i = 5; i * i <= v; i += 6)
		if (v % i == 0 || v % (i + 2) == 0)
			return false;
	return true;
}

/* Most buckets the kernel can hold: rounding up must not pass max_buckets either. */
static uint64_t most_buckets(const struct ct_kernel *kernel)
{
	return kernel->max_buckets - kernel->max_buckets % kernel->bucket_step;
}

/* Buckets the kernel holds when asked for @want, or for its most. */
static uint64_t held(const struct ct_kernel *kernel, uint64_t want)
{
	want = min_u64(want, most_buckets(kernel));
	if (kernel->prime_buckets)
		while (!is_prime(want))
			want--;
	return round_up(want, kernel->bucket_step);
}

int ct_size_buckets(const struct ct_kernel *kernel, uint64_t want, uint64_t *ret, struct ct_err *err)
{
	if (want == 0 || want > most_buckets(kernel))
		return ct_err_set(err, -ERANGE, "%" PRIu64 " buckets: the kernel takes 1 to %" PRIu64, want,
				  most_buckets(kernel));
	*ret = held(kernel, want);
	return 0;
}

/* The order of two calls in nf_conntrack_init(): nf_ct_alloc_hashtable() rounds, nf_conntrack_max is computed. */
static bool limit_follows_rounding(const struct ct_kver *v)
{
	return ct_kver_at_least(v, 4, 7, 0) || (ct_kver_at_least(v, 2, 6, 23) && !ct_kver_at_least(v, 2, 6, 28));
}

uint64_t ct_size_hashsize_trap(const struct ct_kver *v, const struct ct_kernel *kernel, uint64_t buckets)
{
	if (limit_follows_rounding(v))
		buckets = round_up(buckets, kernel->bucket_step);
	return kernel->hashsize_factor * buckets;
}

/* Namespaces whose entries share one table; the others have a table each. */
static uint64_t sharers(const struct ct_size_request *req)
{
	return req->kernel.table_per_netns ? 1 : req->namespaces;
}

/* Can't overflow: buckets are at most max_buckets, whose array the kernel keeps below 8 GiB. */
static uint64_t table_bytes(const struct ct_size_request *req, uint64_t buckets)
{
	uint64_t bytes = 0;

	(void)ct_memory_table(&req->kernel, req->page_bytes, buckets, &bytes, NULL);
	return bytes;
}

/* Can't overflow either: limit < 2^31, entry_bytes and namespaces at most 2^16 each. */
static uint64_t worst_case(const struct ct_size_request *req, uint64_t limit, uint64_t buckets)
{
	uint64_t tables = req->kernel.table_per_netns ? req->namespaces : 1;

	return req->namespaces * limit * req->entry_bytes + tables * table_bytes(req, buckets);
}

/* Buckets at which a full table has the target load, before any rounding. */
static uint64_t buckets_needed(const struct ct_size_request *req, uint64_t limit)
{
	double nodes = 2.0 * (double)limit * (double)sharers(req);

	return (uint64_t)fmin(ceil(nodes / req->target_load), 0x1p53);
}

/* At least 16, as documented, since the limit is at least 128. */
static uint64_t eighth(const struct ct_size_request *req, uint64_t limit)
{
	(void)req;
	return limit / 8;
}

static uint64_t equal(const struct ct_size_request *req, uint64_t limit)
{
	(void)req;
	return limit;
}

/* A power of two is too few also if the prime a little below it is, of which the kernel makes buckets before 2.4.21. */
static uint64_t for_target(const struct ct_size_request *req, uint64_t limit)
{
	uint64_t needed = buckets_needed(req, limit), buckets = 1;

	while (buckets < most_buckets(&req->kernel) && (buckets < needed || held(&req->kernel, buckets) < needed))
		buckets *= 2;
	return buckets;
}

static uint64_t as_given(const struct ct_size_request *req, uint64_t limit)
{
	if (req->fixed_buckets == 0)
		return for_target(req, limit);
	return req->fixed_limit ? req->fixed_buckets : limit;
}

static void say_eighth(const struct sizing *s, uint64_t want)
{
	say(s->text, "buckets: limit / 8 = %" PRIu64 "\n", want);
}

static void say_equal(const struct sizing *s, uint64_t want)
{
	say(s->text, "buckets: as many as connections = %" PRIu64 "\n", want);
}

static void say_target(const struct sizing *s, uint64_t want)
{
	char sharing[48] = "";

	if (sharers(s->req) > 1)
		(void)snprintf(sharing, sizeof(sharing), " x %" PRIu64 " namespaces", sharers(s->req));
	say(s->text,
	    "buckets: smallest power of two for a mean chain (2 x %" PRIu64
	    " connections%s / buckets) of at most %g = %" PRIu64 "\n",
	    s->size.limit, sharing, s->req->target_load, want);
}

static void say_given(const struct sizing *s, uint64_t want)
{
	if (s->req->fixed_buckets == 0)
		say_target(s, want);
	else if (s->req->fixed_limit == 0)
		say_equal(s, want);
	else
		say(s->text, "buckets: %" PRIu64 " as given\n", want);
}

/* RAM / 16384 / (pointer bits / 32), said as it is done. */
static uint64_t share_of_ram(struct sizing *s, const char *what)
{
	const struct ct_size_request *req = s->req;
	uint64_t share = req->ram_bytes / 16384 / (req->pointer_bits / 32);

	say(s->text, "%" PRIu64 " bytes of RAM / 16384 / %u (%u-bit pointers) = %" PRIu64 " %s\n", req->ram_bytes,
	    req->pointer_bits / 32, req->pointer_bits, share, what);
	return share;
}

static int propose_documented(struct sizing *s, struct ct_err *err)
{
	struct ct_size *size = &s->size;

	(void)err;
	size->unrounded_limit = size->limit = share_of_ram(s, "connections");
	size->unrounded_buckets = size->limit / 8; /* the same as RAM / 131072 / (pointer bits / 32) */
	if (s->req->ram_bytes > GIB && size->limit > LIMIT_CAP) {
		size->limit = LIMIT_CAP;
		size->bound_by = CT_BOUND_CAP;
		say(s->text, "above 1 GiB of RAM the documents stop at %d connections and %d buckets\n", LIMIT_CAP,
		    LIMIT_CAP / 8);
	}
	return 0;
}

static int propose_balanced(struct sizing *s, struct ct_err *err)
{
	(void)err;
	s->size.unrounded_limit = s->size.limit = share_of_ram(s, "connections, without a cap above 1 GiB");
	s->size.unrounded_buckets = buckets_needed(s->req, s->size.limit);
	return 0;
}

/* What each era does when no hashsize is given. Source: nf_conntrack_init_start() and its ancestors. */
static const struct {
	uint32_t above_1g, above_4g, floor, factor;
	bool only_64_bit; /* the step at 4 GiB */
} eras[CT_ERA__COUNT] = {
	[CT_ERA_LIST_HEADS] = { .above_1g = 8192, .floor = 16, .factor = 8 },
	[CT_ERA_HLIST] = { .above_1g = 16384, .floor = 32, .factor = 4 },
	[CT_ERA_STEP_4G] = { .above_1g = 16384, .above_4g = 65536, .floor = 32, .factor = 4 },
	[CT_ERA_ONE_TO_ONE] = { .above_1g = 65536,
				.above_4g = 262144,
				.floor = 1024,
				.factor = 1,
				.only_64_bit = true },
};

/* The kernel counts in pages, and only more than a step's RAM passes it. */
static uint64_t kernel_buckets(struct sizing *s)
{
	const struct ct_size_request *req = s->req;
	enum ct_era era = req->kernel.era;
	uint64_t pages = req->ram_bytes / req->page_bytes, gib = GIB / req->page_bytes;
	bool step_4g = eras[era].above_4g && (req->pointer_bits == 64 || !eras[era].only_64_bit);

	if (pages > gib) {
		bool four = step_4g && pages > 4 * gib;
		uint32_t step = four ? eras[era].above_4g : eras[era].above_1g;

		s->size.bound_by = CT_BOUND_STEP;
		say(s->text, "but more than %u GiB of RAM: %u buckets\n", four ? 4 : 1, step);
		return step;
	}
	if (s->size.unrounded_buckets < eras[era].floor) {
		s->size.bound_by = CT_BOUND_FLOOR;
		say(s->text, "but never fewer than %u buckets\n", eras[era].floor);
		return eras[era].floor;
	}
	return s->size.unrounded_buckets;
}

static int propose_kernel(struct sizing *s, struct ct_err *err)
{
	const struct ct_kernel *kernel = &s->req->kernel;
	uint64_t ram = s->req->ram_bytes - s->req->ram_bytes % s->req->page_bytes, buckets, rounded;
	uint32_t factor = eras[kernel->era].factor;

	(void)err;
	s->size.unrounded_buckets = ram / 16384 / kernel->bucket_bytes;
	s->size.unrounded_limit = factor * s->size.unrounded_buckets;
	say(s->text, "Linux %u.%u.%u by itself, without hashsize=:\n", kernel->version.major, kernel->version.minor,
	    kernel->version.patch);
	say(s->text, "%" PRIu64 " bytes of RAM / 16384 / %u bytes per bucket = %" PRIu64 " buckets\n", ram,
	    kernel->bucket_bytes, s->size.unrounded_buckets);
	buckets = kernel_buckets(s);
	rounded = round_up(buckets, kernel->bucket_step);
	if (rounded != buckets)
		say(s->text, "buckets fill whole pages, %u in each: %" PRIu64 "\n", kernel->bucket_step, rounded);
	s->size.buckets = rounded;
	s->size.buckets_bound_by = s->size.bound_by;
	if (limit_follows_rounding(&kernel->version))
		buckets = rounded;
	s->size.limit = factor * buckets;
	say(s->text, "limit: %u x %" PRIu64 " buckets%s = %" PRIu64 "\n", factor, buckets,
	    buckets != rounded ? " (before they were rounded)" : "", s->size.limit);
	return 0;
}

static int propose_dedicated(struct sizing *s, struct ct_err *err)
{
	const struct ct_size_request *req = s->req;
	struct ct_size *size = &s->size;

	if (req->reserve_bytes >= req->ram_bytes)
		return ct_err_set(err, -ENODATA,
				  "policy dedicated: a reserve of %" PRIu64 " bytes leaves nothing of %" PRIu64
				  " bytes of RAM",
				  req->reserve_bytes, req->ram_bytes);
	size->unrounded_limit = (req->ram_bytes - req->reserve_bytes) / (req->entry_bytes + req->kernel.bucket_bytes);
	size->unrounded_buckets = size->unrounded_limit;
	size->limit = power_of_two_below(size->unrounded_limit);
	say(s->text,
	    "(%" PRIu64 " bytes of RAM - %" PRIu64 " reserved) / (%" PRIu64
	    " bytes per connection + %u per bucket) = %" PRIu64 " connections\n",
	    req->ram_bytes, req->reserve_bytes, req->entry_bytes, req->kernel.bucket_bytes, size->unrounded_limit);
	if (size->limit != size->unrounded_limit) {
		size->bound_by = CT_BOUND_POWER_OF_TWO;
		say(s->text, "down to a power of two: %" PRIu64 "\n", size->limit);
	}
	return 0;
}

/* Head room counts in thousandths, so that 1.1 x 1000 is 1100 and not 1101. */
static int propose_demand(struct sizing *s, struct ct_err *err)
{
	const struct ct_size_request *req = s->req;
	uint64_t thousandths = (uint64_t)llround(req->headroom * 1000), product;

	if (req->peak_entries == 0)
		return ct_err_set(err, -ENODATA, "policy demand: the peak of entries isn't known");
	if (!ct_mul_u64(req->peak_entries, thousandths * req->failover, &product))
		return ct_err_set(err, -EOVERFLOW,
				  "policy demand: a peak of %" PRIu64 " entries x %g x %u doesn't fit into 64 bits",
				  req->peak_entries, req->headroom, req->failover);
	s->size.unrounded_limit = s->size.limit = product / 1000 + (product % 1000 != 0);
	s->size.unrounded_buckets = buckets_needed(req, s->size.limit);
	say(s->text,
	    "peak of %" PRIu64 " entries x %g head room x %u (machines whose load may come here) = %" PRIu64
	    " connections\n",
	    req->peak_entries, (double)thousandths / 1000, req->failover, s->size.limit);
	return 0;
}

static int propose_fixed(struct sizing *s, struct ct_err *err)
{
	const struct ct_size_request *req = s->req;
	struct ct_size *size = &s->size;

	if (req->fixed_limit == 0 && req->fixed_buckets == 0)
		return ct_err_set(err, -ENODATA, "policy fixed: neither limit nor buckets were given");
	size->unrounded_limit = req->fixed_limit ? req->fixed_limit : req->fixed_buckets;
	size->unrounded_buckets = req->fixed_buckets ? req->fixed_buckets : buckets_needed(req, req->fixed_limit);
	if (req->fixed_limit) {
		size->limit = req->fixed_limit;
		say(s->text, "limit: %" PRIu64 " connections as given\n", size->limit);
		return 0;
	}
	size->limit = held(&req->kernel, req->fixed_buckets);
	if (req->fixed_buckets > most_buckets(&req->kernel))
		size->bound_by = CT_BOUND_KERNEL_MAX;
	say(s->text, "limit: one connection for each of %" PRIu64 " buckets, of which the kernel holds %" PRIu64 "\n",
	    req->fixed_buckets, size->limit);
	return 0;
}

static const struct policy policies[CT_POLICY__COUNT] = {
	[CT_POLICY_BALANCED] = {
		.name = "balanced", .propose = propose_balanced, .buckets = for_target, .say_buckets = say_target,
		.limit_min = LIMIT_MIN, .keeps_present = true,
	},
	[CT_POLICY_DOCUMENTED] = {
		.name = "documented", .propose = propose_documented, .buckets = eighth, .say_buckets = say_eighth,
		.limit_min = LIMIT_MIN,
	},
	[CT_POLICY_KERNEL] = {
		.name = "kernel", .propose = propose_kernel, .observes = true,
	},
	[CT_POLICY_DEDICATED] = {
		.name = "dedicated", .propose = propose_dedicated, .buckets = equal, .say_buckets = say_equal,
		.limit_min = 1, .power_of_two = true,
	},
	[CT_POLICY_DEMAND] = {
		.name = "demand", .propose = propose_demand, .buckets = for_target, .say_buckets = say_target,
		.limit_min = LIMIT_MIN, .keeps_present = true,
	},
	[CT_POLICY_FIXED] = {
		.name = "fixed", .propose = propose_fixed, .buckets = as_given, .say_buckets = say_given,
		.limit_min = 1,
	},
};

static uint64_t held_for(const struct sizing *s, uint64_t limit)
{
	return held(&s->req->kernel, s->policy->buckets(s->req, limit));
}

static bool fits_budget(const struct sizing *s, uint64_t limit)
{
	return worst_case(s->req, limit, held_for(s, limit)) <= s->size.budget_bytes;
}

/* Bytes that a full table takes beyond those of its present entries, plus a new array unless @buckets are there. */
static uint64_t growth(const struct sizing *s, uint64_t limit, bool new_array, uint64_t buckets)
{
	const struct ct_size_request *req = s->req;

	return minus(req->namespaces * limit, req->entries) * req->entry_bytes +
	       (new_array ? table_bytes(req, buckets) : 0);
}

/* A present array that is large enough can stay, so only a larger one needs room. */
static bool fits_available(const struct sizing *s, uint64_t limit)
{
	uint64_t buckets = held_for(s, limit);

	return growth(s, limit, buckets > s->req->buckets_now, buckets) <= s->room;
}

/* Largest limit that fits; @low is taken to fit, @high is known not to. */
static uint64_t largest(const struct sizing *s, bool (*fits)(const struct sizing *s, uint64_t limit), uint64_t low,
			uint64_t high)
{
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (fits(s, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* @low: not below this only to reach a power of two. */
static void cut(struct sizing *s, uint64_t limit, uint64_t low, enum ct_bound bound, const char *why)
{
	if (s->policy->power_of_two && power_of_two_below(limit) >= low)
		limit = power_of_two_below(limit);
	say(s->text, "%s: %" PRIu64 " connections are too many, %" PRIu64 " fit\n", why, s->size.limit, limit);
	s->size.limit = limit;
	s->size.bound_by = bound;
}

static void lift_and_clamp(struct sizing *s)
{
	const struct policy *policy = s->policy;
	struct ct_size *size = &s->size;

	if (size->limit < policy->limit_min) {
		size->limit = policy->limit_min;
		size->bound_by = CT_BOUND_FLOOR;
		say(s->text, "but at least %" PRIu64 " connections\n", size->limit);
	}
	if (policy->keeps_present && size->limit < s->req->keep_limit) {
		size->limit = s->req->keep_limit;
		size->bound_by = CT_BOUND_PRESENT;
		say(s->text, "the present limit of %" PRIu64 " is higher and stays, unless lowering is asked for\n",
		    size->limit);
	}
	if (size->limit > INT_MAX) {
		size->limit = INT_MAX;
		size->bound_by = CT_BOUND_KERNEL_MAX;
		say(s->text, "the kernel takes at most %d connections\n", INT_MAX);
	}
}

static void set_budget(struct sizing *s)
{
	const struct ct_size_request *req = s->req;
	bool dedicated = s->size.policy == CT_POLICY_DEDICATED;

	if (req->budget_bytes)
		s->size.budget_bytes = min_u64(req->budget_bytes, s->usable);
	else if (dedicated)
		s->size.budget_bytes = minus(s->usable, req->reserve_bytes);
	else
		s->size.budget_bytes = s->usable * CT_BUDGET_DEFAULT_PERCENT / 100;
}

static int fit_budget(struct sizing *s, struct ct_err *err)
{
	uint64_t min = s->policy->limit_min;
	char why[64], each[48] = "";

	if (fits_budget(s, s->size.limit))
		return 0;
	if (s->req->namespaces > 1)
		(void)snprintf(each, sizeof(each), " in each of %u namespaces", s->req->namespaces);
	if (!fits_budget(s, min))
		return ct_err_set(err, -ENOSPC,
				  "policy %s: %" PRIu64 " connections%s and %" PRIu64 " buckets take %" PRIu64
				  " bytes, the budget is %" PRIu64,
				  s->policy->name, min, each, held_for(s, min),
				  worst_case(s->req, min, held_for(s, min)), s->size.budget_bytes);
	(void)snprintf(why, sizeof(why), "memory budget of %" PRIu64 " bytes", s->size.budget_bytes);
	cut(s, largest(s, fits_budget, min, s->size.limit), 0, CT_BOUND_BUDGET, why);
	return 0;
}

/* Entries that exist are paid for, and a present limit was somebody's decision: this rule only stops growth. */
static uint64_t never_below(const struct sizing *s)
{
	uint64_t keep = s->policy->keeps_present ? s->req->keep_limit : 0;

	return min_u64(max_u64(s->req->entries, keep), s->size.limit);
}

static void set_room(struct sizing *s)
{
	const struct ct_size_request *req = s->req;

	s->available = min_u64(req->mem_available.v, s->usable);
	if (req->pointer_bits == 32 && req->low_available.known)
		s->available = min_u64(s->available, req->low_available.v);
	s->room = minus(s->available, ct_memory_floor(s->usable));
}

/* What bound: all that is available, or the part that the kernel can put entries into. */
static const char *available_name(const struct sizing *s)
{
	return s->available < s->req->mem_available.v ? "low memory available" : "MemAvailable";
}

static void fit_available(struct sizing *s)
{
	uint64_t low = never_below(s), limit;
	char why[96];

	set_room(s);
	if (fits_available(s, s->size.limit)) {
		say(s->text,
		    "%s less what must stay free leaves %" PRIu64 " bytes: enough to fill the table\n",
		    available_name(s), s->room);
		return;
	}
	limit = largest(s, fits_available, low, s->size.limit);
	(void)snprintf(why, sizeof(why), "%s of %" PRIu64 " bytes less %" PRIu64 " to stay free", available_name(s),
		       s->available, ct_memory_floor(s->usable));
	if (limit < s->size.limit)
		cut(s, limit, low, CT_BOUND_AVAILABLE, why);
}

static void set_buckets(struct sizing *s)
{
	const struct ct_kernel *kernel = &s->req->kernel;
	uint64_t want = s->policy->buckets(s->req, s->size.limit);
	bool given = s->size.policy == CT_POLICY_FIXED && s->req->fixed_limit && s->req->fixed_buckets;
	/* that the limit is kept as it is says nothing about present buckets: see keep_buckets() */
	bool own = given || s->size.bound_by == CT_BOUND_PRESENT;

	/* present ones, given, are held as they are: no prime for a limit alone */
	s->size.buckets = given && want == s->req->buckets_now ? want : held(kernel, want);
	s->size.buckets_bound_by = own ? CT_BOUND_FORMULA : s->size.bound_by;
	s->policy->say_buckets(s, want);
	if (want > most_buckets(kernel)) {
		s->size.buckets_bound_by = CT_BOUND_KERNEL_MAX;
		say(s->text, "the kernel holds at most %" PRIu64 " buckets\n", s->size.buckets);
	} else if (kernel->prime_buckets && s->size.buckets != want) {
		say(s->text, "before 2.4.21 the hash spreads well only over a prime number: %" PRIu64 "\n",
		    s->size.buckets);
	} else if (s->size.buckets != want) {
		say(s->text, "the kernel rounds up to whole pages of %u buckets: %" PRIu64 "\n", kernel->bucket_step,
		    s->size.buckets);
	}
}

/* The limit matters more: present buckets don't take memory from it. */
static void keep_buckets(struct sizing *s)
{
	uint64_t keep = min_u64(s->req->keep_buckets, most_buckets(&s->req->kernel));

	if (!s->policy->keeps_present || keep <= s->size.buckets)
		return;
	if (worst_case(s->req, s->size.limit, keep) > s->size.budget_bytes) {
		say(s->text, "the present %" PRIu64 " buckets would leave too little of the budget\n", keep);
		return;
	}
	s->size.buckets = keep;
	s->size.buckets_bound_by = CT_BOUND_PRESENT;
	say(s->text, "the present %" PRIu64 " buckets are more and stay, unless lowering is asked for\n", keep);
}

/* Without room for another array the present one stays, larger or smaller. */
static void keep_array(struct sizing *s)
{
	uint64_t now = s->req->buckets_now;

	if (now == 0 || now == s->size.buckets || growth(s, s->size.limit, true, s->size.buckets) <= s->room)
		return;
	s->size.buckets = now;
	s->size.buckets_bound_by = CT_BOUND_AVAILABLE;
	say(s->text, "no room for a new bucket array beside the present one: buckets stay at %" PRIu64 "\n", now);
}

/* What fit_available() and keep_array() couldn't mend. */
static int check_memory(const struct sizing *s, struct ct_err *err)
{
	const struct ct_size *size = &s->size;
	bool new_array = size->buckets != s->req->buckets_now;
	bool too_small = size->limit < s->policy->limit_min;
	bool no_room = new_array && growth(s, size->limit, true, size->buckets) > s->room;

	if (too_small || no_room || worst_case(s->req, size->limit, size->buckets) > size->budget_bytes)
		return ct_err_set(err, -ENOSPC,
				  "policy %s: %s of %" PRIu64 " bytes less %" PRIu64
				  " to stay free has no room for %" PRIu64 " connections and their buckets",
				  s->policy->name, available_name(s), s->available, ct_memory_floor(s->usable),
				  max_u64(size->limit, s->policy->limit_min));
	return 0;
}

/* Order matters: what the policy wants, what the kernel takes, what memory allows; buckets follow the limit. */
static int bind(struct sizing *s, struct ct_err *err)
{
	int r;

	lift_and_clamp(s);
	r = fit_budget(s, err);
	if (r < 0)
		return r;
	if (s->req->mem_available.known)
		fit_available(s);
	set_buckets(s);
	keep_buckets(s);
	if (!s->req->mem_available.known)
		return 0;
	keep_array(s);
	return check_memory(s, err);
}

static void judge(struct sizing *s)
{
	const struct ct_size_request *req = s->req;
	struct ct_size *size = &s->size;

	size->memory_bytes = size->limit * req->entry_bytes + table_bytes(req, size->buckets);
	size->worst_case_bytes = worst_case(req, size->limit, size->buckets);
	size->load = ct_chain_load(size->limit * sharers(req), size->buckets);
	size->longest_expected = ct_chain_longest(size->load, size->buckets);
	size->p_refused = ct_chain_p_refused(size->load, &req->kernel);
}

static const char *budget_source(const struct sizing *s)
{
	if (s->policy->observes)
		return "the kernel doesn't know of it";
	if (s->req->budget_bytes)
		return s->req->budget_bytes > s->usable ? "all that a 32-bit kernel can use" : "as given";
	return s->size.policy == CT_POLICY_DEDICATED ? "RAM - reserve" : "a quarter of RAM";
}

#define BYTES_TEXT 32

static const char *human_bytes(char text[BYTES_TEXT], uint64_t bytes)
{
	if (bytes >= UINT64_C(1) << 30)
		(void)snprintf(text, BYTES_TEXT, "%.1f GiB", (double)bytes / 0x1p30);
	else if (bytes >= UINT64_C(1) << 20)
		(void)snprintf(text, BYTES_TEXT, "%.1f MiB", (double)bytes / 0x1p20);
	else
		(void)snprintf(text, BYTES_TEXT, "%.1f KiB", (double)bytes / 0x1p10);
	return text;
}

static void say_memory(const struct sizing *s)
{
	const struct ct_size_request *req = s->req;
	const struct ct_size *size = &s->size;
	char human[BYTES_TEXT];

	say(s->text,
	    "full table: %" PRIu64 " connections x %" PRIu64 " bytes + %" PRIu64 " buckets x %u bytes = %" PRIu64
	    " bytes (%s)\n",
	    size->limit, req->entry_bytes, size->buckets, req->kernel.bucket_bytes, size->memory_bytes,
	    human_bytes(human, size->memory_bytes));
	if (req->namespaces > 1)
		say(s->text, "full in %u namespaces at once: %" PRIu64 " bytes (%s)\n", req->namespaces,
		    size->worst_case_bytes, human_bytes(human, size->worst_case_bytes));
	say(s->text, "memory budget: %" PRIu64 " bytes (%s), %s\n", size->budget_bytes,
	    human_bytes(human, size->budget_bytes), budget_source(s));
	if (s->usable < req->ram_bytes)
		say(s->text, "a 32-bit kernel keeps connections and buckets in low memory: %s of the RAM count\n",
		    human_bytes(human, s->usable));
}

/* A chance as people say it. */
static void say_share(struct text *t, double p)
{
	if (p >= 0.001)
		say(t, "%.3g %%\n", p * 100);
	else if (p >= 1e-12)
		say(t, "1 in %.0f\n", 1 / p);
	else
		say(t, "practically none\n");
}

static void say_chains(const struct sizing *s)
{
	const struct ct_kernel *kernel = &s->req->kernel;

	say(s->text, "chains when full: %.3g nodes on average, the longest about %u\n", s->size.load,
	    s->size.longest_expected);
	if (kernel->chain_limit_max == 0) {
		say(s->text, "this kernel refuses no connection because of a long chain\n");
	} else {
		say(s->text,
		    "new connections refused when full, because a chain passes the kernel's limit of %u to %u nodes: ",
		    kernel->chain_limit_min, kernel->chain_limit_max);
		say_share(s->text, s->size.p_refused);
	}
	if (s->req->kernel_assumed)
		say(s->text,
		    "chains and defaults are those of Linux %u.%u.%u: what the vendor of this kernel added isn't told\n",
		    kernel->version.major, kernel->version.minor, kernel->version.patch);
}

static int check_request(const struct ct_size_request *req, enum ct_policy policy, struct ct_err *err)
{
	const struct {
		const char *what;
		double v, min, max;
	} rows[] = {
		{ "policy", policy, 0, CT_POLICY__COUNT - 1 },
		{ "era", req->kernel.era, 0, CT_ERA__COUNT - 1 },
		{ "buckets per page", req->kernel.bucket_step, 1, 1 << 20 },
		{ "bytes per bucket", req->kernel.bucket_bytes, 4, 16 },
		{ "most buckets", (double)req->kernel.max_buckets, 1 << 20, INT_MAX / 4 },
		{ "bytes per page", req->page_bytes, 4096, 1 << 20 },
		{ "bits per pointer", req->pointer_bits, 32, 64 },
		{ "bytes of RAM", (double)req->ram_bytes, 1, 0x1p52 },
		{ "bytes per entry", (double)req->entry_bytes, 1, 65536 },
		{ "namespaces", req->namespaces, 1, 65536 },
		{ "target load", req->target_load, 0.001, 1e6 },
		{ "head room", req->headroom, 1, 1000 },
		{ "fail-over machines", req->failover, 1, 1000 },
		{ "budget bytes", (double)req->budget_bytes, 0, (double)req->ram_bytes },
	};

	for (size_t i = 0; i < ct_array_size(rows); i++)
		if (!(rows[i].v >= rows[i].min && rows[i].v <= rows[i].max))
			return ct_err_set(err, -EINVAL, "%s: %.16g is not within %.16g to %.16g", rows[i].what,
					  rows[i].v, rows[i].min, rows[i].max);
	return 0;
}

static int compute(struct sizing *s, enum ct_policy policy, struct ct_err *err)
{
	int r = check_request(s->req, policy, err);

	if (r < 0)
		return r;
	s->policy = &policies[policy];
	s->size.policy = policy;
	s->usable = ct_memory_usable_here(s->req->ram_bytes, s->req->pointer_bits,
					  s->req->low_bytes.known ? s->req->low_bytes.v : 0);
	r = s->policy->propose(s, err);
	if (r < 0)
		return r;
	set_budget(s);
	r = s->policy->observes ? 0 : bind(s, err);
	if (r < 0)
		return r;
	judge(s);
	return 0;
}

int ct_size_compute(const struct ct_size_request *req, enum ct_policy policy, struct ct_size *ret, struct ct_err *err)
{
	struct sizing s = { .req = req };
	int r = compute(&s, policy, err);

	if (r == 0)
		*ret = s.size;
	return r;
}

int ct_size_explain(const struct ct_size_request *req, const struct ct_size *size, char *text, size_t n)
{
	struct text t = { .p = text, .n = n };
	struct sizing s = { .req = req, .text = &t };
	int r = compute(&s, size->policy, NULL);

	if (r < 0)
		return r;
	say_memory(&s);
	say_chains(&s);
	say(&t, "limit %" PRIu64 ": %s\n", s.size.limit, ct_bound_text(s.size.bound_by));
	say(&t, "buckets %" PRIu64 ": %s\n", s.size.buckets, ct_bound_text(s.size.buckets_bound_by));
	return t.used < n ? 0 : -ENOSPC;
}

int ct_size_request_init(struct ct_size_request *ret, const struct ct_facts *facts, struct ct_err *err)
{
	struct ct_size_request req = {
		.page_bytes = facts->page_bytes,
		.pointer_bits = facts->pointer_bits,
		.ram_bytes = facts->ram_bytes.v,
		.mem_available = facts->mem_available_bytes,
		.low_bytes = facts->low_bytes,
		.low_available = facts->low_available_bytes,
		.kernel_assumed = facts->patch_source == CT_PATCH_ASSUMED,
		.entry_bytes = facts->entry_bytes,
		.reserve_bytes = CT_SIZE_RESERVE_DEFAULT,
		.namespaces = 1,
		.target_load = CT_SIZE_LOAD_DEFAULT,
		.headroom = 2,
		.failover = 1,
	};
	int r = ct_kernel_describe(&facts->kernel, facts->page_bytes, facts->pointer_bits, &req.kernel, err);

	if (r < 0)
		return r;
	if (!facts->ram_bytes.known)
		return ct_err_set(err, -ENODATA, "the size of RAM isn't known: there is no MemTotal in proc/meminfo");
	if (facts->value[CT_PARAM_COUNT].known && facts->value[CT_PARAM_COUNT].v > 0)
		req.entries = (uint64_t)facts->value[CT_PARAM_COUNT].v;
	if (facts->value[CT_PARAM_BUCKETS].known && facts->value[CT_PARAM_BUCKETS].v > 0)
		req.buckets_now = (uint64_t)facts->value[CT_PARAM_BUCKETS].v;
	else if (facts->log_buckets.known)
		req.buckets_now = facts->log_buckets.v;
	*ret = req;
	return 0;
}

const char *ct_policy_name(enum ct_policy policy)
{
	return (unsigned)policy < CT_POLICY__COUNT ? policies[policy].name : "unknown";
}

int ct_policy_by_name(const char *name, enum ct_policy *ret, struct ct_err *err)
{
	char known[96] = "";
	size_t used = 0;

	for (unsigned i = 0; i < CT_POLICY__COUNT; i++) {
		if (strcmp(name, policies[i].name) == 0) {
			*ret = (enum ct_policy)i;
			return 0;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", policies[i].name);
	}
	return ct_err_set(err, -ENOENT, "there is no policy '%.32s'; known: %s", name, known);
}

static const struct {
	const char *name, *text;
} bounds[] = {
	[CT_BOUND_FORMULA] = { "formula", "as the policy says" },
	[CT_BOUND_FLOOR] = { "floor", "lifted to the least that makes sense" },
	[CT_BOUND_CAP] = { "cap", "cut to the documents' maximum above 1 GiB of RAM" },
	[CT_BOUND_STEP] = { "step", "the kernel's fixed number above 1 or 4 GiB of RAM" },
	[CT_BOUND_POWER_OF_TWO] = { "power-of-two", "rounded down to a power of two" },
	[CT_BOUND_PRESENT] = { "present", "kept as it is now" },
	[CT_BOUND_BUDGET] = { "budget", "cut to the memory budget" },
	[CT_BOUND_AVAILABLE] = { "available", "held back by the memory available now" },
	[CT_BOUND_KERNEL_MAX] = { "kernel-max", "cut to the most the kernel takes" },
};

const char *ct_bound_name(enum ct_bound bound)
{
	return (unsigned)bound < ct_array_size(bounds) ? bounds[bound].name : "unknown";
}

const char *ct_bound_text(enum ct_bound bound)
{
	return (unsigned)bound < ct_array_size(bounds) ? bounds[bound].text : "unknown";
}
