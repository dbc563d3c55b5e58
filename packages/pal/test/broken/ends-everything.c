/* pal_exec ends the process that called it. SPDX-License-Identifier: Apache-2.0 */
#define pal_exec sound_exec
#include "sound.c"
#undef pal_exec

int pal_exec(pal_exec_args_t *args)
{
	_exit(args->pid);
}
