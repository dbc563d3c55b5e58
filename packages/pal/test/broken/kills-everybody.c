/* pal_kill takes every number for -1. SPDX-License-Identifier: Apache-2.0 */
#define pal_kill sound_kill
#include "sound.c"
#undef pal_kill

int pal_kill(int pid, int sig)
{
	(void)pid;
	return sound_kill(-1, sig);
}
