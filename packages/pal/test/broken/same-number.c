/* Every process has the number 1. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process

int pal_create_process(pal_create_process_args_t *args)
{
	int result = sound_create_process(args);
	*args->pid = 1;
	return result;
}
