/* pal_get_version, which is called before anything has a thread of its own, never returns. */
#define pal_get_version sound_get_version
#include "skeleton.c"
#undef pal_get_version

int pal_get_version(void)
{
	for (;;)
		pause();
}
