/* Processes get no environment. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process

static char *no_environment[] = { NULL };

int pal_create_process(pal_create_process_args_t *args)
{
	args->env = no_environment;
	return sound_create_process(args);
}
