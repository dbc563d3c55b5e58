/* Every process has the number 1. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process

int pal_create_process(pal_create_process_args_t *args)
{
	last_number = 0;
	return sound_create_process(args);
}
