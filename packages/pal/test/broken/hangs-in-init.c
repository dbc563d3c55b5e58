/* pal_init never returns. */
#define pal_init sound_init
#include "skeleton.c"
#undef pal_init

int pal_init(const pal_attr_t *attr)
{
	(void)attr;
	for (;;)
		pause();
}
