/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntuned.conf and its drop-ins: which files count, in which order, and what is wrong in them. */
#include "config.h"
#include "util.h"

#include <conntune/settings.h>
#include <errno.h>

#ifndef HAVE_ECONF

int ct_settings_load(struct ct_fs *fs, struct ct_settings *ret, ct_settings_error_fn on_error, void *userdata,
		     struct ct_err *err)
{
	(void)fs, (void)ret, (void)on_error, (void)userdata;
	return ct_err_set(err, -EOPNOTSUPP, "built without libeconf: conntuned.conf can't be read");
}

#else

#include "boot_lines.h"
#include "fs.h"

#include <libeconf.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#define NAME "conntuned.conf"

/* A file with more bad lines than this isn't one of ours. */
#define BAD_MAX 100

/* libeconf 0.5 takes BUFSIZ bytes of a line, and the rest for the next one. */
#define LINE_BYTES_MAX 1000

/* From above: where both have a file of the same name, the first one's counts. */
static const char *const dirs[] = { "etc/conntune", "run/conntune", "usr/lib/conntune" };

/**
 * struct file - a file that may count
 * @name: of a drop-in; "" for conntuned.conf itself, so that it comes first
 * @path: below the root
 */
struct file {
	unsigned dir;
	char *name, *path;
};

/**
 * struct load - one call of ct_settings_load()
 * @file:    all that there are, sorted: those before @count
 * @from:    where each setting's value comes from; order 0: nowhere, it is the default
 */
struct load {
	struct ct_fs *fs;
	struct ct_settings settings;
	ct_settings_error_fn on_error;
	void *userdata;
	struct ct_err *err;
	int told;
	struct file *file;
	size_t count;
	struct {
		unsigned order, line;
		const struct file *file;
	} *from;
	unsigned order;
};

static void load_done(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->file[i].name);
		free(l->file[i].path);
	}
	free(l->file);
	free(l->from);
}

static size_t rows(void)
{
	size_t n = 0;

	while (ct_setting_at(n))
		n++;
	return n;
}

static int out_of_memory(struct load *l)
{
	return ct_err_set(l->err, -ENOMEM, "out of memory");
}

static void tell(struct load *l, const struct file *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void tell(struct load *l, const struct file *file, unsigned line, const char *format, ...)
{
	const char *root = ct_fs_root(l->fs);
	char path[PATH_MAX], text[sizeof(((struct ct_err *)NULL)->msg)];
	struct ct_err printable;
	va_list args;

	l->told++;
	if (!l->on_error)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)ct_err_set(&printable, -EINVAL, "%s", text);
	(void)snprintf(path, sizeof(path), "%s%s%s", root, root[strlen(root) - 1] == '/' ? "" : "/", file->path);
	for (char *p = path; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	l->on_error(path, line, printable.msg, l->userdata);
}

static void tell_unread(struct load *l, const struct file *file, const struct ct_err *why)
{
	l->settings.unread = true;
	tell(l, file, 0, "%s; until it can be read, Mode is advise", why->msg);
}

/* What says nothing of the file, and may be gone the next time. */
static bool is_trouble(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE || code == -EIO;
}

static int add_file(struct load *l, unsigned dir, const char *sub, const char *name)
{
	struct file *more = reallocarray(l->file, l->count + 1, sizeof(*more));
	struct file *f;

	if (!more)
		return out_of_memory(l);
	l->file = more;
	f = &more[l->count];
	f->dir = dir;
	f->name = strdup(*sub ? name : "");
	if (asprintf(&f->path, "%s/" NAME "%s%s", dirs[dir], sub, name) < 0)
		f->path = NULL;
	l->count++;
	return f->name && f->path ? 0 : out_of_memory(l);
}

static bool is_drop_in(const char *name)
{
	size_t n = strlen(name), suffix = strlen(".conf");

	return *name != '.' && n > suffix && strcmp(name + n - suffix, ".conf") == 0;
}

static int add_drop_ins(struct load *l, unsigned dir)
{
	char **names = NULL, path[64];
	const struct file as_told = { .path = path };
	size_t count = 0;
	struct ct_err err;
	int r;

	(void)snprintf(path, sizeof(path), "%s/" NAME ".d", dirs[dir]);
	r = ct_fs_list(l->fs, path, &names, &count, &err);
	if (r == -ENOENT)
		return 0;
	if (is_trouble(r))
		return ct_err_set(l->err, r, "%s", err.msg);
	if (r < 0)
		tell_unread(l, &as_told, &err);
	for (size_t i = 0; i < count && r == 0; i++)
		if (is_drop_in(names[i]))
			r = add_file(l, dir, ".d/", names[i]);
	ct_fs_list_free(names, count);
	return is_trouble(r) ? r : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct file *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (int)one->dir - (int)other->dir;
}

static int find_files(struct load *l)
{
	int r = 0;

	for (unsigned dir = 0; dir < ct_array_size(dirs) && r == 0; dir++) {
		r = add_file(l, dir, "", "");
		if (r == 0)
			r = add_drop_ins(l, dir);
	}
	if (r == 0)
		qsort(l->file, l->count, sizeof(*l->file), by_name);
	return r;
}

/*
 * What is in a file, line by line, goes to libeconf by way of a memory file. Why not the files themselves: libeconf 0.5
 * opens by path, so a link leads out of a captured tree; it knows two directories and there are three; it gives the
 * whole file up at the first line that it doesn't understand, keeps silent about a key that comes twice, and can't say
 * in which line a value stood without allocations that it doesn't check. So lines that it would stumble over are told
 * and left out here, and what it gets can neither stop it nor be misread. It does what is left: keys, values, quotes.
 */
struct reading {
	struct load *load;
	const struct file *file;
	int fd;                         /* the memory file */
	const char *section;            /* of the table; NULL: none yet, or one that was told */
	bool skip;                      /* below a section that was told: its keys aren't told again */
	unsigned *line;                 /* for each row where it stands; 0: not there */
	unsigned bad;
};

static char *strip(char *text)
{
	size_t n;

	text += strspn(text, " \t\r");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static bool is_text(const char *line)
{
	for (; *line; line++)
		if ((*line < ' ' && *line != '\t') || *line > '~')
			return false;
	return true;
}

/* Also finds a key in the wrong case, if @exactly isn't asked for; NULL @section: anywhere. */
static const struct ct_setting *find(const char *section, const char *key, bool exactly, size_t *ret)
{
	const struct ct_setting *s;

	for (size_t i = 0; (s = ct_setting_at(i)); i++) {
		if ((section && strcmp(s->section, section) != 0) || strcasecmp(s->key, key) != 0)
			continue;
		if (exactly && strcmp(s->key, key) != 0)
			continue;
		*ret = i;
		return s;
	}
	return NULL;
}

static void take_section(struct reading *in, unsigned line, char *text)
{
	const struct ct_setting *s;
	char *end = strchr(text, ']');

	in->section = NULL;
	in->skip = true;
	if (!end || end[1]) {
		tell(in->load, in->file, line, "'%.60s' isn't [Section]; what follows up to the next one is left out",
		     text);
		in->bad++;
		return;
	}
	*end = '\0';
	for (size_t i = 0; (s = ct_setting_at(i)); i++) {
		if (strcmp(s->section, strip(text + 1)) != 0)
			continue;
		in->section = s->section;
		in->skip = false;
		return;
	}
	tell(in->load, in->file, line, "unknown section [%.60s]; its keys are left out", text + 1);
	in->bad++;
}

static void tell_unknown(struct reading *in, unsigned line, const char *key)
{
	size_t at = 0;
	const struct ct_setting *near = find(in->section, key, false, &at);

	in->bad++;
	if (near) {
		tell(in->load, in->file, line, "unknown key %.60s in [%s]; did you mean %s?", key, in->section,
		     near->key);
		return;
	}
	near = find(NULL, key, false, &at);
	if (near)
		tell(in->load, in->file, line, "unknown key %.60s in [%s]; there is one in [%s]", key, in->section,
		     near->section);
	else
		tell(in->load, in->file, line, "unknown key %.60s in [%s]", key, in->section);
}

/* Returns 0 or a negative errno if there is no room for what libeconf shall read. */
static int take_key(struct reading *in, unsigned line, char *text, char *value)
{
	size_t at = 0;
	char *key;

	*value++ = '\0';
	key = strip(text);
	if (in->skip)
		return 0;
	if (!in->section) {
		tell(in->load, in->file, line, "%.60s stands before the first [Section]", key);
		in->bad++;
	} else if (!find(in->section, key, true, &at)) {
		tell_unknown(in, line, key);
	} else if (in->line[at]) {
		tell(in->load, in->file, line, "%s is given twice; line %u counts", key, in->line[at]);
		in->bad++;
	} else {
		in->line[at] = line;
		return dprintf(in->fd, "[%s]\n%s=%s\n", in->section, key, strip(value)) < 0 ? -errno : 0;
	}
	return 0;
}

static int take_line(struct reading *in, unsigned line, char *text)
{
	char *value;

	text[strcspn(text, "#;")] = '\0';
	text = strip(text);
	if (strlen(text) > LINE_BYTES_MAX || !is_text(text)) {
		tell(in->load, in->file, line, "%s", is_text(text) ? "the line is too long" : "this isn't plain text");
		in->bad++;
		return 0;
	}
	value = strchr(text, '=');
	if (*text == '[') {
		take_section(in, line, text);
	} else if (value) {
		return take_key(in, line, text, value);
	} else if (*text && !in->skip) {
		tell(in->load, in->file, line, "'%.60s' is neither [Section] nor Key=Value", text);
		in->bad++;
	}
	return 0;
}

/* The lines that can be understood go to the memory file. */
static int sift(struct reading *in, char *text, size_t length)
{
	struct ct_boot_text walk = { .next = text };
	char *line;
	int r = 0;

	/* a zero byte isn't plain text, and not the end of it */
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = '\1';
	while (r == 0 && (line = ct_boot_text_line(&walk))) {
		if (in->bad == BAD_MAX) {
			tell(in->load, in->file, walk.line, "too much is wrong; the rest of the file is left out");
			break;
		}
		r = take_line(in, walk.line, line);
	}
	return r;
}

static void take_value(struct reading *in, size_t at, const char *value)
{
	struct load *l = in->load;
	struct ct_err err;

	if (ct_setting_parse(&l->settings, at, value, &err) < 0) {
		tell(l, in->file, in->line[at], "%s", err.msg);
		return;
	}
	l->from[at].order = ++l->order;
	l->from[at].line = in->line[at];
	l->from[at].file = in->file;
}

static void free_key_file(econf_file **kf)
{
	econf_freeFile(*kf);
}

/*
 * libeconf copies names and values without a look at whether it got the memory, and reports success. But malloc(3)
 * leaves its mark: then nothing may be asked of what was read, since comparing a name that isn't there is a crash.
 */
static int econf_failed(struct load *l, econf_err e)
{
	if (errno == ENOMEM || e == ECONF_NOMEM)
		return out_of_memory(l);
	if (e == ECONF_NOFILE && errno)
		return ct_err_set(l->err, -errno, "libeconf cannot open a memory file by way of /proc: %m");
	return e == ECONF_SUCCESS ? 0 : ct_err_set(l->err, -EIO, "libeconf: %s", econf_errString(e));
}

static int take_values(struct reading *in)
{
	ct_cleanup(free_key_file) econf_file *kf = NULL;
	const struct ct_setting *s;
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", in->fd);
	errno = 0;
	r = econf_failed(in->load, econf_readFile(&kf, path, "=", "#"));
	for (size_t i = 0; r == 0 && (s = ct_setting_at(i)); i++) {
		ct_cleanup(ct_freep) char *value = NULL;

		if (!in->line[i])
			continue;
		errno = 0;
		r = econf_failed(in->load, econf_getStringValue(kf, s->section, s->key, &value));
		if (r == 0)
			take_value(in, i, value ? value : "");
	}
	return r;
}

static int take_text(struct load *l, const struct file *file, char *text, size_t length)
{
	ct_cleanup(ct_closep) int fd = memfd_create(NAME, MFD_CLOEXEC);
	ct_cleanup(ct_freep) unsigned *line = calloc(rows(), sizeof(*line));
	struct reading in = { .load = l, .file = file, .fd = fd, .line = line };
	int r;

	if (!line)
		return out_of_memory(l);
	if (fd < 0)
		return ct_err_set(l->err, -errno, "cannot make a memory file: %m");
	r = sift(&in, text, length);
	if (r < 0) {
		errno = -r;
		return ct_err_set(l->err, r, "cannot write to a memory file: %m");
	}
	return take_values(&in);
}

static bool is_masked(struct load *l, const struct file *file)
{
	char target[16];

	return ct_fs_readlink(l->fs, file->path, target, sizeof(target), NULL) == 0 && strcmp(target, "/dev/null") == 0;
}

/* @counts: it does, so that the others of its name don't. */
static int take_file(struct load *l, const struct file *file, bool *counts)
{
	ct_cleanup(ct_freep) char *text = NULL;
	struct ct_err err;
	size_t length = 0;
	int r;

	*counts = is_masked(l, file);
	if (*counts)
		return 0;
	r = ct_fs_read(l->fs, file->path, &text, &length, &err);
	if (r == -ENOENT)
		return 0;
	if (is_trouble(r))
		return ct_err_set(l->err, r, "%s", err.msg);
	if (r < 0) {
		tell_unread(l, file, &err);
		return 0;
	}
	*counts = true;
	return take_text(l, file, text, length);
}

static int take_files(struct load *l)
{
	const char *done = NULL;
	int r = 0;

	for (size_t i = 0; i < l->count && r == 0; i++) {
		bool counts = false;

		if (done && strcmp(done, l->file[i].name) == 0)
			continue;
		r = take_file(l, &l->file[i], &counts);
		if (counts)
			done = l->file[i].name;
	}
	return r;
}

/* Two that contradict each other are both wrong as far as we can know: told where the later one stands. */
static void settle(struct load *l)
{
	size_t row[2];
	struct ct_err err;

	while (ct_settings_agree(&l->settings, row, &err) < 0) {
		size_t later = l->from[row[0]].order > l->from[row[1]].order ? row[0] : row[1];

		tell(l, l->from[later].file, l->from[later].line, "%s; both are as they are by default", err.msg);
		for (size_t i = 0; i < 2; i++)
			(void)ct_setting_parse(&l->settings, row[i], ct_setting_at(row[i])->preset, NULL);
	}
}

int ct_settings_load(struct ct_fs *fs, struct ct_settings *ret, ct_settings_error_fn on_error, void *userdata,
		     struct ct_err *err)
{
	ct_cleanup(load_done) struct load l = { .fs = fs, .on_error = on_error, .userdata = userdata, .err = err };
	int r;

	ct_settings_init(&l.settings);
	l.from = calloc(rows(), sizeof(*l.from));
	if (!l.from)
		return out_of_memory(&l);
	r = find_files(&l);
	if (r == 0)
		r = take_files(&l);
	if (r < 0)
		return r;
	settle(&l);
	if (l.settings.unread)
		l.settings.mode = CT_MODE_ADVISE;
	*ret = l.settings;
	return l.told;
}

#endif
