/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the output that several commands have in common. */
#include "config.h"
#include "cli.h"
#include "show.h"

#include <stdio.h>
#include <string.h>
#include <conntune/owners.h>

/* What the reader wants to know of a line: does it count? */
static const char *owner_effect(const struct ct_owner *owner)
{
	if (owner->kind == CT_OWNER_PROGRAM)
		return "may set it at any time";
	if (owner->hidden)
		return "hidden by another file";
	if (owner->kind == CT_OWNER_MODULES_LOAD)
		return "loads the module";
	return owner->wins ? "decides at boot" : "overridden";
}

static void show_owner(struct out *out, const struct ct_owner *owner)
{
	char where[sizeof(owner->path) + 16];

	if (owner->line)
		(void)snprintf(where, sizeof(where), "%s:%u", owner->path, owner->line);
	else
		(void)snprintf(where, sizeof(where), "%s", owner->path);
	out_begin(out, OUT_OBJECT, NULL, NULL);
	out_text(out, NULL, "where", where);
	out_text(out, "path", NULL, owner->path);
	if (owner->line)
		out_u64(out, "line", NULL, OUT_PLAIN, owner->line);
	out_text(out, "kind", NULL, ct_owner_kind_name(owner->kind));
	out_text(out, "sets", "sets", owner->param == CT_PARAM_LIMIT ? "limit" : "buckets");
	if (owner->known)
		out_i64(out, "value", "value", OUT_PLAIN, owner->value);
	out_bool(out, "wins", NULL, owner->wins);
	out_bool(out, "hidden", NULL, owner->hidden);
	out_bool(out, "ours", NULL, owner->ours);
	out_text(out, NULL, "effect", owner_effect(owner));
	out_end(out);
}

int show_owners(struct out *out, struct ct_fs *fs, struct ct_err *err)
{
	cli_cleanup(cli_owners_freep) struct ct_owners *owners = NULL;
	int r = ct_owners_collect(fs, &owners, err);

	if (r < 0)
		return r;
	out_begin(out, OUT_TABLE, "owners", "Set by");
	for (size_t i = 0; i < ct_owners_count(owners); i++)
		show_owner(out, ct_owners_at(owners, i));
	out_end(out);
	return 0;
}

void show_entry_note(struct out *out, const struct ct_facts *facts)
{
	static const struct {
		unsigned bit;
		const char *text;
	} reasons[] = {
		{ CT_EXTENSION_ACCT, "accounting" },   { CT_EXTENSION_TIMESTAMP, "timestamps" },
		{ CT_EXTENSION_EVENTS, "events" },     { CT_EXTENSION_LISTENER, "event listener" },
		{ CT_EXTENSION_NAT, "NAT" },
	};
	static const char *const sources[] = {
		[CT_ENTRY_GIVEN] = "--entry-bytes",
		[CT_ENTRY_SLAB] = "slab",
		[CT_ENTRY_SLABINFO] = "/proc/slabinfo",
		[CT_ENTRY_LOG] = "kernel log",
		[CT_ENTRY_MODEL] = "typical of this kernel",
	};
	char text[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < cli_array_size(reasons); i++)
		if (facts->extension_reasons & reasons[i].bit)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", reasons[i].text);
	if (facts->entry_source == CT_ENTRY_GIVEN || !facts->entry_extension_bytes)
		out_note(out, "%s", sources[facts->entry_source]);
	else
		out_note(out, "%s, and %u B for %s", sources[facts->entry_source], facts->entry_extension_bytes, text);
}
