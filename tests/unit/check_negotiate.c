/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept and Accept-Encoding, as scrapers, browsers and those who mean harm send them. */
#include "config.h"
#include "check.h"
#include "negotiate.h"

#include <stdlib.h>
#include <string.h>

#define OPEN "application/openmetrics-text"

static const struct {
	const char *accept;
	enum metrics_format format;
} formats[] = {
	{ "", METRICS_TEXT },
	{ "*/*", METRICS_TEXT },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", METRICS_TEXT },
	{ OPEN, METRICS_OPEN },
	{ "Application/OpenMetrics-Text", METRICS_OPEN },
	/* Prometheus 2.42, 2.5, 3.0 */
	{ OPEN ";version=1.0.0," OPEN ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_OPEN },
	{ OPEN "; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", METRICS_TEXT },
	{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6," OPEN
	  ";version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
	  "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
	  METRICS_OPEN },
	/* weights */
	{ OPEN ";q=0.5,text/plain;q=0.5", METRICS_OPEN },
	{ OPEN ";q=0.499,text/plain;q=0.5", METRICS_TEXT },
	{ OPEN ";q=0.5,text/*;q=0.6", METRICS_TEXT },
	{ OPEN ";q=0.5,text/plain;q=0.4,text/*;q=0.6", METRICS_OPEN },
	{ OPEN ";q=0.5,*/*", METRICS_TEXT },
	{ OPEN ";q=0", METRICS_TEXT },
	{ OPEN ";q=0.000, */*", METRICS_TEXT },
	{ OPEN ";q=0.001", METRICS_OPEN },
	{ OPEN ";q=0.1," OPEN ";q=0.9,text/plain;q=0.5", METRICS_OPEN },
	{ OPEN ";q=1.000,text/plain", METRICS_OPEN },
	/* parameters and blanks */
	{ OPEN "; version=\"1.0.0\"", METRICS_OPEN },
	{ OPEN ";version=2.0.0", METRICS_TEXT },
	{ OPEN ";x=\"a,b;q=0\\\"\"", METRICS_OPEN },
	{ "  ,, \t" OPEN "\t;\tversion=1.0.0 ; , ", METRICS_OPEN },
	{ OPEN ";charset=utf-8;version=1.0.0", METRICS_OPEN },
	/* not headers of that kind: text */
	{ OPEN ";q=2", METRICS_TEXT },
	{ OPEN ";q=1.001", METRICS_TEXT },
	{ OPEN ";q=", METRICS_TEXT },
	{ OPEN ";q=.5", METRICS_TEXT },
	{ OPEN ";q=0.0001", METRICS_TEXT },
	{ OPEN ";q=-1", METRICS_TEXT },
	{ OPEN ";q=nan", METRICS_TEXT },
	{ OPEN ";version", METRICS_TEXT },
	{ OPEN ";=1", METRICS_TEXT },
	{ OPEN ";version=\"1.0.0", METRICS_TEXT },
	{ OPEN ";version=\"1.0.0\\", METRICS_TEXT },
	{ OPEN " text/plain", METRICS_TEXT },
	{ OPEN ",\x01", METRICS_TEXT },
	{ OPEN "\xff", METRICS_TEXT },
	{ ";" OPEN, METRICS_TEXT },
	{ OPEN "2", METRICS_TEXT },
	{ "application/openmetrics", METRICS_TEXT },
};

START_TEST(format_is_what_is_asked_for)
{
	ck_assert_msg(negotiate_format(formats[_i].accept) == formats[_i].format, "'%s'", formats[_i].accept);
}
END_TEST

static const struct {
	const char *accept;
	bool gzip;
} encodings[] = {
	{ "", false },
	{ "gzip", true },
	{ "GZIP", true },
	{ "x-gzip", true },
	{ "gzip, deflate, br", true },
	{ "deflate, br", false },
	{ "gzip;q=0", false },
	{ "gzip;q=0.0, *", false },
	{ "*", true },
	{ "*;q=0", false },
	{ "identity;q=0, gzip;q=0.1", true },
	{ "identity, gzip;q=0.5", false },
	{ "identity, gzip", true },
	{ "gzip;q=x", false },
	{ "gzip;", true },
	{ "gzip\n", false },
	{ "gzipped", false },
};

START_TEST(gzip_is_given_to_those_who_want_it)
{
	ck_assert_msg(negotiate_gzip(encodings[_i].accept) == encodings[_i].gzip, "'%s'", encodings[_i].accept);
}
END_TEST

/* Every cut of a real header: whatever it means, it ends, and reads nothing behind its end (sanitizers see that). */
START_TEST(any_start_of_a_header_can_be_read)
{
	const char *whole = formats[7].accept;
	char *cut;

	for (size_t n = 0; n <= strlen(whole); n++) {
		cut = strndup(whole, n);
		(void)negotiate_format(cut);
		(void)negotiate_gzip(cut);
		free(cut);
	}
}
END_TEST

Suite *module_suite(void)
{
	Suite *suite = suite_create("negotiate");
	TCase *tcase = tcase_create("negotiate");

	tcase_add_loop_test(tcase, format_is_what_is_asked_for, 0, sizeof(formats) / sizeof(formats[0]));
	tcase_add_loop_test(tcase, gzip_is_given_to_those_who_want_it, 0, sizeof(encodings) / sizeof(encodings[0]));
	tcase_add_test(tcase, any_start_of_a_header_can_be_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
