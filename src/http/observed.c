/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact chains and census from their JSON: what isn't as expected makes all of it unknown. */
#include "config.h"
#include "observed.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool whole(const json_t *v, uint64_t *ret)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool take_chains(struct view_observed *o, const json_t *root)
{
	const json_t *histogram = json_object_get(json_object_get(root, "exact"), "histogram");
	size_t n = json_array_size(histogram);
	uint64_t count;

	if (n == 0 || !whole(json_object_get(root, "nodes"), &o->chains_nodes))
		return false;
	(void)memset(o->buckets_of, 0, sizeof(o->buckets_of));
	o->lengths = n < VIEW_CHAINS ? (uint32_t)n : VIEW_CHAINS;
	for (size_t i = 0; i < n; i++) {
		if (!whole(json_array_get(histogram, i), &count))
			return false;
		o->buckets_of[i < VIEW_CHAINS ? i : VIEW_CHAINS - 1] += count;
	}
	return true;
}

bool observed_chains(struct view_observed *ret, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	ret->chains_known = root && take_chains(ret, root);
	json_decref(root);
	return ret->chains_known;
}

/* Names come from a file: what can't be printed is '?', here already, so that two groups don't look the same later. */
static void put_name(char *ret, size_t n, const json_t *v)
{
	const char *name = json_is_string(v) ? json_string_value(v) : "";
	size_t i = 0;

	for (; i < n - 1 && name[i]; i++)
		ret[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	ret[i] = '\0';
}

/* Groups of other keys than these two (addresses, say) are put together. */
static void add_group(struct view_observed *o, const json_t *key, uint64_t entries)
{
	char protocol[sizeof(o->group[0].protocol)], state[sizeof(o->group[0].state)];
	uint32_t i = 0;

	put_name(protocol, sizeof(protocol), json_object_get(key, "protocol"));
	put_name(state, sizeof(state), json_object_get(key, "state"));
	while (i < o->groups && (strcmp(o->group[i].protocol, protocol) != 0 || strcmp(o->group[i].state, state) != 0))
		i++;
	if (i == VIEW_GROUPS)
		return;
	if (i == o->groups) {
		(void)snprintf(o->group[i].protocol, sizeof(protocol), "%s", protocol);
		(void)snprintf(o->group[i].state, sizeof(state), "%s", state);
		o->group[i].entries = 0;
		o->groups++;
	}
	o->group[i].entries += entries;
}

static bool take_census(struct view_observed *o, const json_t *root)
{
	const json_t *groups = json_object_get(root, "groups"), *group;
	uint64_t entries;
	size_t i;

	o->groups = 0;
	json_array_foreach(groups, i, group)
	{
		const json_t *key = json_object_get(group, "key");

		if (!json_is_object(key) || !whole(json_object_get(group, "entries"), &entries))
			return false;
		add_group(o, key, entries);
	}
	return json_is_array(groups);
}

bool observed_census(struct view_observed *ret, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	ret->census_known = root && take_census(ret, root);
	json_decref(root);
	return ret->census_known;
}
