/* pal_exec closes the descriptors that it was only lent. */
#define pal_exec sound_exec
#include "skeleton.c"
#undef pal_exec

int pal_exec(pal_exec_args_t *args)
{
	pal_stdio_fds_t lent = find_process(args->pid)->stdio;
	int result = sound_exec(args);
	close(lent.stdout);
	return result;
}
