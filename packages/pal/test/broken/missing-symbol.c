/* It has no pal_kill. SPDX-License-Identifier: Apache-2.0 */
#define pal_kill another_name
#include "sound.c"
