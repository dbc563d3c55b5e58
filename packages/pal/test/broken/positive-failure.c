/* A program that is not there makes pal_create_process return 2 instead of -2. */
#define pal_create_process sound_create_process
#include "skeleton.c"
#undef pal_create_process

int pal_create_process(pal_create_process_args_t *args)
{
	int result = sound_create_process(args);
	return result < 0 ? -result : 0;
}
