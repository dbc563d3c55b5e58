/* The number of a process is 0. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process

int pal_create_process(pal_create_process_args_t *args)
{
	int result = sound_create_process(args);
	*args->pid = 0;
	return result;
}
