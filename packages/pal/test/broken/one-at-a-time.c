/* A lock is held for as long as a process runs. */
#define pal_exec sound_exec
#include "skeleton.c"
#undef pal_exec

int pal_exec(pal_exec_args_t *args)
{
	static pthread_mutex_t whole = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&whole);
	int result = sound_exec(args);
	pthread_mutex_unlock(&whole);
	return result;
}
