/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs stories (*.sim): a machine, its load, its people, and what is expected of conntuned. README has the words. */
#include "config.h"
#include "sim.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 12

/* One story under way. */
struct story {
	struct sim sim;
	char title[160];
	const char *file;
	unsigned line, failures, told, expectations;
	char *log;
	size_t log_bytes;
	bool broken;                    /* the rest of this story is skipped */
	bool verbose;
};

__attribute__((format(printf, 2, 3))) static void fail(struct story *t, const char *format, ...)
{
	va_list ap;

	if (!t->broken)
		t->failures++;
	t->broken = true;
	(void)fprintf(stderr, "%s:%u: %s: ", t->file, t->line, t->title);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

/* ---- numbers with units ---- */

static const struct {
	const char *unit;
	double factor;
} units[] = {
	{ "", 1 },	    { "/s", 1 },	  { "%", 0.01 },	{ "k", 1e3 },	  { "k/s", 1e3 },
	{ "M", 1e6 },	    { "M/s", 1e6 },
	{ "KiB", 0x1p10 },  { "MiB", 0x1p20 },	  { "GiB", 0x1p30 },	{ "TiB", 0x1p40 }, { "us", 1e-6 },
	{ "ms", 1e-3 },	    { "s", 1 },		  { "min", 60 },	{ "h", 3600 },	  { "days", 86400 },
};

static bool number(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	if (end == text)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].unit, end)) {
			*ret *= units[i].factor;
			return true;
		}
	return false;
}

static double need(struct story *t, const char *text)
{
	double v = 0;

	if (!text || !number(text, &v))
		fail(t, "'%s' is no number", text ? text : "");
	return v;
}

static uint64_t need_usec(struct story *t, const char *text)
{
	return (uint64_t)llround(need(t, text) * (double)SIM_SECOND);
}

/* "key=value": the value, or NULL */
static char *value_of(char *word, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(word, key, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static char *find(char **words, const char *key)
{
	for (; *words; words++)
		if (value_of(*words, key))
			return value_of(*words, key);
	return NULL;
}

/* ---- setting the scene ---- */

static void configure(struct story *t)
{
	struct ct_err err = { 0 };

	if (sim_configure(&t->sim, &err) < 0)
		fail(t, "%s", err.msg);
}

/* machine [ram=] [kernel=] [bits=] [page=] [entry=] [free=]: everything begins anew */
static void do_machine(struct story *t, char **w)
{
	struct ct_facts *f = &t->sim.facts;
	struct ct_err err = { 0 };

	if (find(w, "ram"))
		f->ram_bytes.v = (uint64_t)need(t, find(w, "ram"));
	if (find(w, "kernel") && ct_kver_parse(find(w, "kernel"), &f->kernel, &err) < 0)
		fail(t, "%s", err.msg);
	if (find(w, "bits"))
		f->pointer_bits = (unsigned)need(t, find(w, "bits"));
	if (find(w, "page"))
		f->page_bytes = (uint32_t)need(t, find(w, "page"));
	if (find(w, "entry"))
		f->entry_bytes = (uint64_t)need(t, find(w, "entry"));
	t->sim.available = find(w, "free") ? need(t, find(w, "free")) : 0.8 * (double)f->ram_bytes.v;
	configure(t);
	if (sim_kernel_sizes(&t->sim, &err) < 0)
		fail(t, "%s", err.msg);
}

/* table [limit=] [buckets=] [answered=] [unanswered=] [others=]: as it is found */
static void do_table(struct story *t, char **w)
{
	struct sim *s = &t->sim;

	if (find(w, "limit"))
		s->limit = (uint64_t)need(t, find(w, "limit"));
	if (find(w, "buckets"))
		s->buckets = (uint64_t)need(t, find(w, "buckets"));
	if (find(w, "answered"))
		s->entries[SIM_ANSWERED] = need(t, find(w, "answered"));
	if (find(w, "unanswered"))
		s->entries[SIM_UNANSWERED] = need(t, find(w, "unanswered"));
	if (find(w, "others"))
		s->others = need(t, find(w, "others"));
}

static bool set_word(struct ct_settings *set, const char *key, const char *value)
{
	static const char *const modes[] = { "tune", "advise" }, *const foreign[] = { "yield", "floor", "enforce" };

	for (int i = 0; i < 2 && !strcmp(key, "Mode"); i++)
		if (!strcmp(value, modes[i]))
			return set->mode = (enum ct_mode)i, true;
	for (int i = 0; i < 3 && !strcmp(key, "Foreign"); i++)
		if (!strcmp(value, foreign[i]))
			return set->foreign = (enum ct_foreign)i, true;
	if (!strcmp(key, "Policy"))
		return ct_policy_by_name(value, &set->policy, NULL) == 0;
	if (!strcmp(key, "Shrink") || !strcmp(key, "Adaptive")) {
		*(key[0] == 'S' ? &set->shrink : &set->adaptive) = !strcmp(value, "yes");
		return !strcmp(value, "yes") || !strcmp(value, "no");
	}
	return false;
}

static bool set_number(struct ct_settings *set, const char *key, double v)
{
	const struct {
		const char *key;
		uint64_t *usec;
	} times[] = {
		{ "CoolDown", &set->cooldown_usec },	    { "MaxStall", &set->stall_usec },
		{ "Confirm", &set->confirm_usec },	    { "IntervalMax", &set->interval_max_usec },
		{ "IntervalMin", &set->interval_min_usec },
	};
	const struct {
		const char *key;
		uint32_t *percent;
	} percents[] = {
		{ "GrowAt", &set->fill_percent },		{ "FloodShare", &set->flood_percent },
		{ "UnrepliedShare", &set->unreplied_percent },	{ "AdaptiveStart", &set->adaptive_start_percent },
		{ "AdaptiveEnd", &set->adaptive_end_percent },
	};

	for (size_t i = 0; i < 5; i++) {
		if (!strcmp(key, times[i].key))
			return *times[i].usec = (uint64_t)llround(v * (double)SIM_SECOND), true;
		if (!strcmp(key, percents[i].key))
			return *percents[i].percent = (uint32_t)lround(100 * v), true;
	}
	if (!strcmp(key, "Namespaces"))
		return set->namespaces = (uint32_t)v, true;
	if (!strcmp(key, "HeadRoom"))
		return set->headroom = v, true;
	if (!strcmp(key, "FailOver"))
		return set->failover = (uint32_t)v, true;
	if (!strcmp(key, "TargetLoad"))
		return set->target_load = v, true;
	if (!strcmp(key, "Limit"))
		return set->fixed_limit = (uint64_t)v, true;
	if (!strcmp(key, "Buckets"))
		return set->fixed_buckets = (uint64_t)v, true;
	if (!strcmp(key, "Budget"))
		return set->budget_bytes = (uint64_t)v, true;
	return false;
}

/* set KEY=VALUE ...: conntuned.conf; also while it runs (reload) */
static void do_set(struct story *t, char **w)
{
	for (; *w; w++) {
		char *value = strchr(*w, '=');
		double v;

		if (!value) {
			fail(t, "'%s' is no KEY=VALUE", *w);
			return;
		}
		*value++ = '\0';
		if (!set_word(&t->sim.settings, *w, value) &&
		    !(number(value, &v) && set_number(&t->sim.settings, *w, v)))
			fail(t, "no such setting: %s=%s", *w, value);
	}
	configure(t);
}

/* ---- what happens ---- */

static void load(struct story *t, enum sim_class class, char **w)
{
	t->sim.load[class].rate = need(t, w[0]);
	if (w[0] && w[1] && !strcmp(w[1], "live"))
		t->sim.load[class].life = need(t, w[2]);
}

static void do_answered(struct story *t, char **w)
{
	load(t, SIM_ANSWERED, w);
}

static void do_unanswered(struct story *t, char **w)
{
	load(t, SIM_UNANSWERED, w);
}

static void check_world(struct story *t)
{
	if (t->sim.wrong[0])
		fail(t, "%s", t->sim.wrong);
}

static void do_run(struct story *t, char **w)
{
	sim_run(&t->sim, need_usec(t, w[0]));
	check_world(t);
}

/* somebody else writes limit=N or buckets=N */
static void do_write(struct story *t, char **w)
{
	do_table(t, w);
	sim_wake(&t->sim);
}

static void do_unload(struct story *t, char **w)
{
	(void)w;
	sim_unload(&t->sim);
}

static void do_load(struct story *t, char **w)
{
	(void)w;
	sim_load_module(&t->sim);
}

static void do_reload(struct story *t, char **w)
{
	(void)w;
	sim_unload(&t->sim);
	sim_load_module(&t->sim);
}

static void do_hold(struct story *t, char **w)
{
	t->sim.hold_until = w[0] ? t->sim.now + need_usec(t, w[0]) : UINT64_MAX;
	sim_wake(&t->sim);
}

static void do_resume(struct story *t, char **w)
{
	(void)w;
	t->sim.hold_until = 0;
	t->sim.resumed = true;
	sim_wake(&t->sim);
}

static void do_confirm(struct story *t, char **w)
{
	(void)w;
	t->sim.confirmed = true;
	sim_wake(&t->sim);
}

static void do_suspend(struct story *t, char **w)
{
	sim_suspend(&t->sim, need_usec(t, w[0]));
}

/* ram SIZE: memory is plugged or taken away */
static void do_ram(struct story *t, char **w)
{
	double before = (double)t->sim.facts.ram_bytes.v, now = need(t, w[0]);

	t->sim.facts.ram_bytes.v = (uint64_t)now;
	t->sim.available = fmax(t->sim.available + now - before, 0);
	configure(t);
}

/* free SIZE: MemAvailable as it is now */
static void do_free(struct story *t, char **w)
{
	t->sim.available = need(t, w[0]) + t->sim.available - sim_available(&t->sim);
}

/* entry SIZE: each entry costs so much from now on (a listener came) */
static void do_entry(struct story *t, char **w)
{
	t->sim.facts.entry_bytes = (uint64_t)need(t, w[0]);
	configure(t);
}

static void do_others(struct story *t, char **w)
{
	t->sim.others = need(t, w[0]);
}

static void do_peak(struct story *t, char **w)
{
	t->sim.peak_entries = (uint64_t)need(t, w[0]);
}

static void do_noise(struct story *t, char **w)
{
	t->sim.noise = need(t, w[0]);
}

static const char *const parts[SIM_PART__COUNT] = { "limit",   "buckets", "timeouts", "entries",
						    "memory", "mix",	 "counters" };

static int part_of(struct story *t, const char *word)
{
	for (int i = 0; word && i < SIM_PART__COUNT; i++)
		if (!strcmp(parts[i], word))
			return i;
	fail(t, "no such part: %s", word ? word : "");
	return 0;
}

static void do_unknown(struct story *t, char **w)
{
	for (; *w; w++)
		t->sim.unknown[part_of(t, *w)] = true;
}

static void do_known(struct story *t, char **w)
{
	for (; *w; w++)
		t->sim.unknown[part_of(t, *w)] = false;
}

/* fail limit|buckets|timeouts ERRNO TIMES */
static void do_fail(struct story *t, char **w)
{
	static const struct {
		const char *name;
		int code;
	} codes[] = {
		{ "ENOMEM", ENOMEM }, { "EACCES", EACCES }, { "EROFS", EROFS }, { "EBUSY", EBUSY },
		{ "ENOENT", ENOENT }, { "EIO", EIO },	    { "ESTALE", ESTALE },
	};
	int part = part_of(t, w[0]);

	for (size_t i = 0; w[0] && w[1] && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (!strcmp(codes[i].name, w[1])) {
			t->sim.fail_code[part] = -codes[i].code;
			t->sim.fail_times[part] = (uint64_t)need(t, w[2]);
			return;
		}
	fail(t, "which error?");
}

/* readonly nothing|limit|buckets */
static void do_readonly(struct story *t, char **w)
{
	t->sim.can_set_limit = !w[0] || strcmp(w[0], "limit") != 0;
	t->sim.can_set_buckets = w[0] && !strcmp(w[0], "nothing");
	configure(t);
}

/* clock stands|runs|back TIME */
static void do_clock(struct story *t, char **w)
{
	if (w[0] && !strcmp(w[0], "back")) {
		uint64_t usec = need_usec(t, w[1]);

		t->sim.now -= usec;
		t->sim.next = t->sim.now + 1;
		t->sim.bucket_write_usec = 0;
		return;
	}
	t->sim.clock_stuck = w[0] && !strcmp(w[0], "stands");
}

static void do_stall(struct story *t, char **w)
{
	t->sim.true_cost = need(t, w[0]) * 1e6;
}

static void do_chapter(struct story *t, char **w)
{
	(void)w;
	sim_chapter(&t->sim);
}

/* ---- what is expected ---- */

static double value(struct story *t, const char *name)
{
	const struct sim *s = &t->sim;
	const struct sim_tally *y = &s->tally;
	const struct {
		const char *name;
		double v;
	} rows[] = {
		{ "limit", (double)s->limit },
		{ "buckets", (double)s->buckets },
		{ "entries", sim_entries(s) },
		{ "answered", s->entries[SIM_ANSWERED] },
		{ "unanswered", s->entries[SIM_UNANSWERED] },
		{ "unanswered-peak", y->unanswered_peak },
		{ "peak", y->peak },
		{ "ceiling", (double)s->verdict.ceiling },
		{ "target", (double)s->verdict.target_limit },
		{ "scale", s->scale },
		{ "least-scale", y->least_scale },
		{ "least-limit", y->least_limit },
		{ "lost", floor(y->lost) },
		{ "refused", floor(y->refused) },
		{ "evicted", floor(y->evicted) },
		{ "looks", (double)y->looks },
		{ "questions", (double)y->mixes },
		{ "limit-writes", (double)y->limit_writes },
		{ "bucket-writes", (double)y->bucket_writes },
		{ "timeout-writes", (double)y->timeout_writes },
		{ "failures", (double)y->failed },
		{ "lowerings", (double)y->lowered },
		{ "state-changes", (double)y->state_changes },
		{ "urgent", (double)y->urgent },
		{ "advice", (double)y->advice },
		{ "stall", y->stall },
		{ "interval", (double)s->verdict.next_usec / (double)SIM_SECOND },
		{ "shortest-interval", y->shortest_interval },
	};
	double v = 0;

	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].v;
	if (!name || !number(name, &v))
		fail(t, "no such value: %s", name ? name : "");
	return v;
}

static bool compare(struct story *t, double a, const char *op, double b)
{
	if (!strcmp(op, "="))
		return a == b;
	if (!strcmp(op, "<="))
		return a <= b;
	if (!strcmp(op, ">="))
		return a >= b;
	if (!strcmp(op, "<"))
		return a < b;
	if (!strcmp(op, ">"))
		return a > b;
	fail(t, "'%s' compares nothing", op);
	return false;
}

/* NAME OP NUMBER [x FACTOR]... | state NAME */
static void do_expect(struct story *t, char **w)
{
	double a, b;

	t->expectations++;
	if (w[0] && w[1] && !strcmp(w[0], "state")) {
		if (strcmp(decide_state_name(t->sim.decide.state), w[1]) != 0)
			fail(t, "state is %s, not %s", decide_state_name(t->sim.decide.state), w[1]);
		return;
	}
	if (!w[0] || !w[1] || !w[2]) {
		fail(t, "expect what?");
		return;
	}
	a = value(t, w[0]);
	b = value(t, w[2]);
	for (char **f = w + 3; f[0] && f[1] && !strcmp(f[0], "x"); f += 2)
		b *= need(t, f[1]);
	if (!compare(t, a, w[1], b))
		fail(t, "%s is %.10g, not %s %.10g", w[0], a, w[1], b);
}

/* state|reason|cause NAME, text WORDS: did it happen since the chapter began? */
static bool happened(struct story *t, char **w)
{
	char line[200] = "";

	for (int i = 0; i < DECIDE_STATE__COUNT && w[1] && !strcmp(w[0], "state"); i++)
		if (!strcmp(decide_state_name((enum decide_state)i), w[1]))
			return t->sim.tally.states & 1U << i;
	for (int i = 0; i < DECIDE_REASON__COUNT && w[1] && !strcmp(w[0], "reason"); i++)
		if (!strcmp(decide_reason_name((enum decide_reason)i), w[1]))
			return t->sim.tally.reasons & 1U << i;
	if (w[0] && w[1] && !strcmp(w[0], "cause")) {
		(void)snprintf(line, sizeof(line), "%.100s\n", w[1]);
		return strstr(t->sim.tally.causes, line);
	}
	if (!w[0] || strcmp(w[0], "text") != 0)
		fail(t, "which state, reason, cause or text?");
	for (char **p = w + 1; w[0] && *p; p++) {
		size_t used = strlen(line);

		(void)snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "", *p);
	}
	return strstr(t->sim.tally.texts, line);
}

static void do_ever(struct story *t, char **w)
{
	t->expectations++;
	if (!happened(t, w))
		fail(t, "never %s %s", w[0], w[1]);
}

static void do_never(struct story *t, char **w)
{
	t->expectations++;
	if (happened(t, w))
		fail(t, "%s %s happened", w[0], w[1]);
}

static const struct {
	const char *word;
	void (*run)(struct story *t, char **w);
} commands[] = {
	{ "machine", do_machine },   { "table", do_table },	    { "set", do_set },
	{ "answered", do_answered }, { "unanswered", do_unanswered }, { "others", do_others },
	{ "run", do_run },	     { "write", do_write },	    { "unload", do_unload },
	{ "load", do_load },	     { "reload", do_reload },	    { "hold", do_hold },
	{ "resume", do_resume },     { "confirm", do_confirm },	    { "suspend", do_suspend },
	{ "ram", do_ram },	     { "free", do_free },	    { "entry", do_entry },
	{ "peak", do_peak },	     { "noise", do_noise },	    { "unknown", do_unknown },
	{ "known", do_known },	     { "fail", do_fail },	    { "readonly", do_readonly },
	{ "clock", do_clock },	     { "stall", do_stall },	    { "chapter", do_chapter },
	{ "expect", do_expect },     { "ever", do_ever },	    { "never", do_never },
};

/* ---- files ---- */

static void end_story(struct story *t)
{
	if (t->told == 0)
		return;
	if (!t->broken && t->expectations == 0)
		fail(t, "expects nothing");
	(void)fflush(t->sim.log);
	if (t->broken || t->verbose)
		(void)fprintf(stderr, "--- %s\n%s", t->title, t->log);
	(void)printf("%s %s\n", t->broken ? "not ok" : "ok", t->title);
	(void)fclose(t->sim.log);
	free(t->log);
	t->sim.log = NULL;
	t->log = NULL;
}

static void begin_story(struct story *t, const char *title)
{
	end_story(t);
	(void)snprintf(t->title, sizeof(t->title), "%.150s", title);
	t->told++;
	t->broken = false;
	t->expectations = 0;
	t->sim.log = open_memstream(&t->log, &t->log_bytes);
	if (!t->sim.log)
		abort();
	sim_init(&t->sim);
}

static void command(struct story *t, char *line)
{
	char *words[WORDS + 1] = { NULL }, *save = NULL;
	size_t n = 0;

	for (char *p = strtok_r(line, " \t\n", &save); p && n < WORDS; p = strtok_r(NULL, " \t\n", &save))
		words[n++] = p;
	if (n == 0 || t->broken)
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].word, words[0])) {
			commands[i].run(t, words + 1);
			return;
		}
	fail(t, "'%s' is no command", words[0]);
}

static void tell_line(struct story *t, char *line)
{
	char *comment = strchr(line, '#');

	if (comment)
		*comment = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "story ", 6))
		begin_story(t, line + 6);
	else if (t->told)
		command(t, line);
	else if (line[strspn(line, " \t")])
		fail(t, "the first line of a story is its title");
}

static int tell_file(const char *path, bool verbose, unsigned *told, unsigned *failures)
{
	struct story t = { .file = path, .verbose = verbose };
	char line[512];
	FILE *f = fopen(path, "re");

	if (!f) {
		perror(path);
		return -1;
	}
	for (; fgets(line, sizeof(line), f); ) {
		t.line++;
		tell_line(&t, line);
	}
	(void)fclose(f);
	end_story(&t);
	*told += t.told;
	*failures += t.failures;
	return 0;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	unsigned told = 0, failures = 0;
	glob_t files = { .gl_pathc = 0 };

	argv += 1 + verbose;
	if (!*argv) {
		if (glob(STORIES "/*.sim", 0, NULL, &files) != 0) {
			(void)fprintf(stderr, "no stories in %s\n", STORIES);
			return EXIT_FAILURE;
		}
		argv = files.gl_pathv;
	}
	for (; *argv; argv++)
		if (tell_file(*argv, verbose, &told, &failures) < 0)
			failures++;
	if (files.gl_pathc)
		globfree(&files);
	(void)printf("%u stories, %u failed\n", told, failures);
	return failures || told == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
