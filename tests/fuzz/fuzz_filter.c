/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filter expressions: what is taken fits into a request, and a condition and its opposite never agree. */
#include "config.h"
#include "census_internal.h"
#include "fuzz.h"
#include "util.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>

static const uint8_t ipv4[4] = { 10, 0, 0, 1 }, ipv6[16] = { 0x20, 1, 0xd, 0xb8 };

static const struct ct_entry entries[] = {
	{ .family = AF_INET, .src = ipv4, .dst = ipv4, .proto = 6, .state = 3, .has_state = true, .has_ports = true,
	  .sport = 1024, .dport = 80, .status = 6, .mark = 1 },
	{ .family = AF_INET6, .src = ipv6, .dst = ipv6, .proto = 17, .has_ports = true, .dport = 53, .zone = 7 },
	{ .family = AF_INET, .proto = 47 },
};

static void check_put(const struct ct_filter *filter)
{
	static const struct ct_kver kernels[] = { { 2, 6, 39 }, { 4, 4, 0 }, { 5, 10, 0 }, { 6, 12, 0 } };

	for (size_t i = 0; i < ct_array_size(kernels); i++) {
		uint32_t buffer[CT_NL_REQUEST_MAX / sizeof(uint32_t)] = { 0 };
		struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);

		(void)mnl_nlmsg_put_extra_header(h, sizeof(struct nfgenmsg));
		(void)ct_filter_put(filter, &kernels[i], h);
		fuzz_require(h->nlmsg_len <= sizeof(buffer));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ct_cleanup(ct_freep) char *text = fuzz_text(data, size);
	struct ct_filter filter, one = { .count = 1 };
	struct ct_err err = { 0 };
	int r = ct_filter_parse(text, &filter, &err);

	fuzz_require(r == 0 || (r == -EINVAL && err.msg[0]));
	if (r < 0)
		return 0;
	fuzz_require(filter.count <= CT_FILTER_TERMS);
	check_put(&filter);
	for (size_t i = 0; i < ct_array_size(entries); i++) {
		bool all = true;

		for (unsigned k = 0; k < filter.count; k++) {
			bool matched;

			one.term[0] = filter.term[k];
			matched = ct_filter_match(&one, &entries[i]);
			one.term[0].negated = !one.term[0].negated;
			fuzz_require(ct_filter_match(&one, &entries[i]) == !matched);
			all = all && matched;
		}
		fuzz_require(ct_filter_match(&filter, &entries[i]) == all);
	}
	return 0;
}
