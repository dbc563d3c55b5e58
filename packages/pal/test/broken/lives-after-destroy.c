/* pal_destroy does nothing and says that it did. */
#define pal_destroy sound_destroy
#include "skeleton.c"
#undef pal_destroy

int pal_destroy(void)
{
	return 0;
}
