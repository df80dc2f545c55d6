/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntuned-http: what conntuned publishes, for Prometheus and for people; no privilege at all. */
#ifndef CONNTUNED_HTTP_H
#define CONNTUNED_HTTP_H

/* The whole program but main(). Returns its exit code. */
int http_main(int argc, char **argv);

#endif
