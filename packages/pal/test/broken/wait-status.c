/* exit_value is what wait(2) gives: the exit code times 256. */
#define pal_exec sound_exec
#include "skeleton.c"
#undef pal_exec

int pal_exec(pal_exec_args_t *args)
{
	int result = sound_exec(args);
	*args->exit_value <<= 8;
	return result;
}
