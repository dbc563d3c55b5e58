/* Arguments travel as one string, which is split at spaces again. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pal_create_process(pal_create_process_args_t *args)
{
	/* Never freed: the process may use it to its end. */
	char *joined = strdup("");
	for (char **a = args->argv; *a != NULL; a++) {
		char *longer = NULL;
		if (asprintf(&longer, "%s%s ", joined, *a) < 0)
			return -ENOMEM;
		free(joined);
		joined = longer;
	}
	char **split = calloc(strlen(joined) + 1, sizeof(char *));
	char *rest = joined;
	for (int i = 0; (split[i] = strtok_r(rest, " ", &rest)) != NULL; i++)
		;
	args->argv = split;
	return sound_create_process(args);
}
