/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() of the fuzzers where there is no fuzzing engine: runs the inputs that are kept.
 * fuzz_X [FILE...]: without FILE all of tests/fuzz/corpus/X.
 */
#include "config.h"
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>

#define INPUT_MAX ((size_t)1 << 20)

static int run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!data || !f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	n = fread(data, 1, INPUT_MAX, f);
	(void)fclose(f);
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

static int run_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[512 + 256];
	int count = 0;

	if (!dir) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		count += run_file(file);
	}
	(void)closedir(dir);
	return count;
}

int main(int argc, char *argv[])
{
	const char *name = strstr(program_invocation_short_name, "fuzz_");
	char corpus[512];
	int count = 0;

	for (int i = 1; i < argc; i++)
		count += run_file(argv[i]);
	if (argc == 1 && name) {
		(void)snprintf(corpus, sizeof(corpus), "%s/%s", CORPUS, name + strlen("fuzz_"));
		count = run_directory(corpus);
	}
	fprintf(stderr, "%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
