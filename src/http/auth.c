/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checking a password takes long on purpose, in the only thread there is: right ones are remembered, wrong ones
 * bounded. */
#include "config.h"
#include "auth.h"

#include <crypt.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define USERS_MAX 64
#define NAME_BYTES 64
#define HASH_BYTES CRYPT_OUTPUT_SIZE

/* bcrypt looks at 72 bytes; longer ones than this are wrong. */
#define PASSWORD_BYTES 128

/* Tries that may fail: so many at once, then one in so long; all together less often if they take long, see AUTH_SHARE.
 * A hash of cost 10 takes 60 ms. */
#define PEER_TRIES 5
#define PEER_USEC UINT64_C(2000000)
#define ALL_TRIES 10
#define ALL_USEC UINT64_C(500000)

/* Of $5$ and $6$. */
#define ROUNDS_MAX 500000

/* Addresses that are told apart when they fail; one that is forgotten still counts among all. */
#define PEERS_MAX 32

/* When the last of the tries granted will have been paid off. */
struct debt {
	uint64_t peer, paid_usec;
};

/* @right: the password, once it was found to be; all bytes count when it is compared. */
struct user {
	char name[NAME_BYTES], hash[HASH_BYTES];
	bool known;
	char right[PASSWORD_BYTES];
};

struct auth {
	size_t n;
	struct debt all, peer[PEERS_MAX];
	struct user user[];
};

struct credentials {
	char name[NAME_BYTES], password[PASSWORD_BYTES];
};

static int fail(struct ct_err *err, int code, unsigned line, const char *why)
{
	if (err) {
		err->code = code;
		(void)snprintf(err->msg, sizeof(err->msg), "line %u: %s", line, why);
	}
	return code;
}

/* Those that take a guesser long enough, and what is behind their last '$'; $2y$ is what htpasswd calls bcrypt. */
static const struct kind {
	const char *prefix;
	size_t digits;
} kinds[] = {
	{ "$2b$", 53 }, { "$2y$", 53 }, { "$y$", 43 }, { "$6$", 86 }, { "$5$", 43 },
};

static bool is_slow(const char *hash)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(hash, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return strlen(strrchr(hash, '$') + 1) == kinds[i].digits &&
			       crypt_checksalt(hash) != CRYPT_SALT_INVALID;
	return false;
}

/* Checking is done in the only thread there is, with as much memory as the hash says. */
static bool is_cheap(const char *hash)
{
	const char *rounds = strstr(hash, "$rounds=");

	if (hash[1] == 'y')
		return hash[3] == 'j' && hash[4] <= '9' && hash[5] <= 'T' && hash[6] == '$';
	if (hash[1] == '2')
		return strncmp(hash + 4, "12", 2) <= 0;
	return !rounds || strtoul(rounds + strlen("$rounds="), NULL, 10) <= ROUNDS_MAX;
}

static struct user *find(struct auth *auth, const char *name)
{
	for (size_t i = 0; i < auth->n; i++)
		if (strcmp(auth->user[i].name, name) == 0)
			return &auth->user[i];
	return NULL;
}

/* NULL: it is a user now; else what is wrong. */
static const char *take_line(struct auth *auth, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	struct user *u = &auth->user[auth->n];
	size_t name = colon ? (size_t)(colon - line) : 0, hash = n - name - 1;

	if (auth->n == USERS_MAX)
		return "there are too many users";
	if (name == 0 || name >= sizeof(u->name))
		return "not NAME:HASH with a name of 1 to 63 bytes";
	if (hash >= sizeof(u->hash))
		return "the hash is too long";
	*u = (struct user){ .known = false };
	memcpy(u->name, line, name);
	memcpy(u->hash, colon + 1, hash);
	if (find(auth, u->name))
		return "the name is there already";
	if (!is_slow(u->hash))
		return "the hash is none of crypt(5)'s $2b$, $2y$, $y$, $6$ and $5$";
	if (!is_cheap(u->hash))
		return "the hash takes too much: $y$ is taken up to $y$j9T$, $2b$ up to cost 12, $6$ and $5$ up to "
		       "rounds=500000";
	auth->n++;
	return NULL;
}

static int read_users(struct auth *auth, const char *text, struct ct_err *err)
{
	unsigned number = 1;

	for (const char *line = text, *next; *line; line = next, number++) {
		size_t n = strcspn(line, "\n");
		const char *why = NULL;

		next = line + n + (line[n] == '\n');
		if (n > 0 && line[n - 1] == '\r')
			n--;
		if (n > 0 && line[0] != '#')
			why = take_line(auth, line, n);
		if (why)
			return fail(err, -EINVAL, number, why);
	}
	return auth->n == 0 ? fail(err, -EINVAL, number, "there is no user") : 0;
}

int auth_new(struct auth **ret, const char *text, struct ct_err *err)
{
	struct auth *auth = calloc(1, sizeof(*auth) + (USERS_MAX + 1) * sizeof(auth->user[0])), *smaller;
	int r = auth ? read_users(auth, text, err) : fail(err, -ENOMEM, 0, "out of memory");

	if (r < 0) {
		free(auth);
		return r;
	}
	smaller = realloc(auth, sizeof(*auth) + auth->n * sizeof(auth->user[0]));
	*ret = smaller ? smaller : auth;
	return 0;
}

struct auth *auth_free(struct auth *auth)
{
	if (auth)
		explicit_bzero(auth, sizeof(*auth) + auth->n * sizeof(auth->user[0]));
	free(auth);
	return NULL;
}

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Base64 up to the end of the text; false: it isn't, or there is no room. */
static bool decode(const char *text, char *out, size_t size, size_t *ret)
{
	size_t n = 0, digits = strcspn(text, "=");
	uint32_t bits = 0;

	if (strlen(text) % 4 != 0 || strlen(text) - digits > 2 || strspn(text + digits, "=") != strlen(text) - digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int d = digit(text[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4 == 0)
			continue;
		if (n == size)
			return false;
		out[n++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
	}
	*ret = n;
	return true;
}

/* What a header says; false: nothing that could be right. */
static bool read_header(const char *header, struct credentials *ret)
{
	char plain[NAME_BYTES + PASSWORD_BYTES];
	const char *colon;
	size_t n, name;
	bool fine = false;

	if (!header || strncasecmp(header, "Basic ", 6) != 0)
		return false;
	header += 6 + strspn(header + 6, " ");
	memset(ret, 0, sizeof(*ret));
	if (decode(header, plain, sizeof(plain), &n) && !memchr(plain, '\0', n) && (colon = memchr(plain, ':', n))) {
		name = (size_t)(colon - plain);
		fine = name < sizeof(ret->name) && n - name - 1 < sizeof(ret->password);
		if (fine) {
			memcpy(ret->name, plain, name);
			memcpy(ret->password, colon + 1, n - name - 1);
		}
	}
	explicit_bzero(plain, sizeof(plain));
	return fine;
}

/* In the same time whatever they are. */
static bool is_equal(const char *a, const char *b, size_t n)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < n; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return differs == 0;
}

/* 32 KiB of it, and not a byte of a password afterwards. */
static bool is_right(const char *hash, const char *password)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *made = data ? crypt_r(password, hash, data) : NULL;
	char padded[HASH_BYTES] = "";
	bool right;

	if (made)
		(void)snprintf(padded, sizeof(padded), "%s", made);
	right = made && made[0] == '$' && is_equal(padded, hash, sizeof(padded));
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return right;
}

/* One whose hash somebody without a name of ours has to wait for: always the same for the same name. */
static const struct user *stand_in(const struct auth *auth, const char *name)
{
	size_t sum = 0;

	while (*name)
		sum = sum * 31 + (unsigned char)*name++;
	return &auth->user[sum % auth->n];
}

static bool may_try(const struct debt *debt, uint64_t now_usec, uint64_t tries, uint64_t each_usec)
{
	return debt->paid_usec <= now_usec + (tries - 1) * each_usec;
}

static void charge(struct debt *debt, uint64_t now_usec, uint64_t each_usec)
{
	debt->paid_usec = (debt->paid_usec > now_usec ? debt->paid_usec : now_usec) + each_usec;
}

/* The address's own, or the one that is paid off first. */
static struct debt *debt_of(struct auth *auth, uint64_t peer)
{
	struct debt *first = auth->peer;

	for (size_t i = 0; i < PEERS_MAX; i++) {
		if (auth->peer[i].paid_usec > 0 && auth->peer[i].peer == peer)
			return &auth->peer[i];
		if (auth->peer[i].paid_usec < first->paid_usec)
			first = &auth->peer[i];
	}
	*first = (struct debt){ .peer = peer };
	return first;
}

static uint64_t clock_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static enum auth_verdict try(struct auth *auth, const struct credentials *given, uint64_t peer, uint64_t now_usec)
{
	struct user *user = find(auth, given->name);
	struct debt *debt;
	uint64_t took;
	bool right;

	if (user && user->known && is_equal(user->right, given->password, sizeof(user->right)))
		return AUTH_FINE;
	debt = debt_of(auth, peer);
	if (!may_try(&auth->all, now_usec, ALL_TRIES, ALL_USEC) || !may_try(debt, now_usec, PEER_TRIES, PEER_USEC))
		return AUTH_LATER;
	took = clock_usec();
	right = is_right(user ? user->hash : stand_in(auth, given->name)->hash, given->password);
	took = AUTH_SHARE * (clock_usec() - took);
	if (user && right) {
		memcpy(user->right, given->password, sizeof(user->right));
		user->known = true;
		return AUTH_FINE;
	}
	charge(&auth->all, now_usec, took > ALL_USEC ? took : ALL_USEC);
	charge(debt, now_usec, PEER_USEC);
	return AUTH_WRONG;
}

enum auth_verdict auth_check(struct auth *auth, const char *header, uint64_t peer, uint64_t now_usec)
{
	struct credentials given;
	enum auth_verdict verdict;

	if (!read_header(header, &given))
		return AUTH_WRONG;
	verdict = try(auth, &given, peer, now_usec);
	explicit_bzero(&given, sizeof(given));
	return verdict;
}
