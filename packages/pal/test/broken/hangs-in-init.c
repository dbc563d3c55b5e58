/* pal_init never returns. SPDX-License-Identifier: Apache-2.0 */
#define pal_init sound_init
#include "sound.c"
#undef pal_init

int pal_init(const pal_attr_t *attr)
{
	(void)attr;
	for (;;)
		pause();
}
