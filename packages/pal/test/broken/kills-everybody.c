/* pal_kill takes every number for -1. */
#define pal_kill sound_kill
#include "skeleton.c"
#undef pal_kill

int pal_kill(int pid, int sig)
{
	(void)pid;
	return sound_kill(-1, sig);
}
