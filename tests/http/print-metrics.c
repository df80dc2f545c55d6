/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints what a scraper would get of files below a root, without a server: see usage(). */
#include "config.h"
#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEAK_SECONDS 30

static int usage(void)
{
	(void)fprintf(stderr,
		      "Usage: print-metrics text|open|values|trouble DIR [node]\n"
		      "  text, open  /metrics in that format; the last scrape was %d s before the snapshot\n"
		      "  values      what is in the snapshot, straight from it: NAME NUMBER\n"
		      "  trouble     what is said of a snapshot that can't be used, if anything\n"
		      "  node        node_exporter's names as well\n",
		      PEAK_SECONDS);
	return 2;
}

static uint64_t boot_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put_u64(const char *name, struct ct_u64 v)
{
	if (v.known)
		(void)printf("%s %" PRIu64 "\n", name, v.v);
}

static void put_real(const char *name, struct ct_real v)
{
	if (v.known)
		(void)printf("%s %.17g\n", name, v.v);
}

static void print_table(const struct ct_snapshot *s)
{
	put_u64("conntune_entries", s->entries);
	put_u64("conntune_own_entries", s->own_entries);
	put_u64("conntune_all_entries", s->all_entries);
	put_u64("conntune_entries_peak", s->peak);
	put_u64("conntune_limit", s->limit);
	put_u64("conntune_buckets", s->buckets);
	put_u64("conntune_expectations", s->expect_entries);
	put_u64("conntune_recommended_limit", s->target_limit);
	put_u64("conntune_recommended_buckets", s->target_buckets);
	put_u64("conntune_ceiling", s->ceiling);
	put_u64("conntune_ram_bytes", s->ram_bytes);
	put_u64("conntune_available_memory_bytes", s->available_bytes);
	put_u64("conntune_memory_floor_bytes", s->floor_bytes);
	put_u64("conntune_memory_budget_bytes", s->budget_bytes);
	put_u64("conntune_table_memory_bytes", s->table_bytes);
	put_u64("conntune_full_table_memory_bytes", s->full_bytes);
	put_u64("conntune_entry_bytes", s->entry_bytes);
	put_real("conntune_unreplied_ratio", s->unreplied);
	put_real("conntune_entries_growth_per_second", s->rate);
	put_real("conntune_full_in_seconds", s->full_in_seconds);
	put_real("conntune_timeouts_scale_ratio", s->timeouts_scale);
	(void)printf("conntune_namespaces %" PRIu32 "\n", s->namespaces);
}

static void print_daemon(const struct ct_snapshot *s)
{
	(void)printf("conntuned_looks_total %" PRIu64 "\nconntuned_failed_looks_total %" PRIu64 "\n", s->looks,
		     s->failed_looks);
	(void)printf("conntuned_cpu_seconds_total %.17g\n", (double)s->cpu_usec / 1e6);
	put_u64("conntuned_resident_memory_bytes", s->resident_bytes);
	put_u64("conntuned_open_fds", s->descriptors);
	(void)printf("conntuned_look_duration_seconds_sum %.17g\n", s->look_seconds.sum);
	(void)printf("conntuned_state{%s} 1\n", s->state_name[s->state]);
	for (unsigned i = 0; i < CT_COUNTER__COUNT; i++)
		if (s->own_counter[i].known)
			(void)printf("conntune_%s_total{own} %" PRIu64 "\n", ct_counter_name(i), s->own_counter[i].v);
}

/* As a process that has answered a few times. */
static void make_self(struct view_self *self)
{
	*self = (struct view_self){
		.started_unix = 1.7e9,
		.cpu_seconds = 0.25,
		.resident_bytes = { true, 3 << 20 },
		.descriptors = { true, 9 },
		.open = 2,
		.accepted = 7,
		.refused = 1,
		.requests = { { "/metrics", 5, 0, 0 }, { "other", 0, 2, 0 } },
		.scrape_seconds = { .n = 2, .bound = { 0.001, 0.01 } },
	};
	ct_snapshot_count(&self->scrape_seconds, 0.0001);
}

static int print_metrics(struct view *view, enum metrics_format format)
{
	struct text text = { 0 };
	struct view_self self;

	make_self(&self);
	view->self = &self;
	if (view->snapshot && !view->old)
		view->scrape_peak = ct_snapshot_peak_since(view->snapshot, view->snapshot->peak_second - PEAK_SECONDS);
	metrics_write(&text, view, format);
	if (text.failed)
		return 1;
	(void)fwrite(text.bytes, 1, text.n, stdout);
	text_free(&text);
	return 0;
}

static int print(struct view *view, const char *what)
{
	if (strcmp(what, "text") == 0)
		return print_metrics(view, METRICS_TEXT);
	if (strcmp(what, "open") == 0)
		return print_metrics(view, METRICS_OPEN);
	if (strcmp(what, "trouble") == 0)
		return puts(view->trouble) < 0;
	if (strcmp(what, "values") != 0)
		return usage();
	if (view->snapshot && !view->old) {
		print_table(view->snapshot);
		print_daemon(view->snapshot);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct view view = { .unix_seconds = (double)time(NULL) };
	struct source *source = NULL;
	struct ct_fs *fs = NULL;
	struct ct_err err;
	int status = 1;

	if (argc < 3)
		return usage();
	view.node_names = argc > 3;
	if (ct_fs_new(&fs, argv[2], &err) < 0 || source_new(&source, fs, &err) < 0) {
		(void)fprintf(stderr, "print-metrics: %s\n", err.msg);
	} else {
		(void)source_look(source, boot_usec(), true, &view);
		status = print(&view, argv[1]);
	}
	source_free(source);
	ct_fs_free(fs);
	return status;
}
