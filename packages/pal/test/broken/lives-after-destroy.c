/* pal_destroy does nothing and says that it did. SPDX-License-Identifier: Apache-2.0 */
#define pal_destroy sound_destroy
#include "sound.c"
#undef pal_destroy

int pal_destroy(void)
{
	return 0;
}
