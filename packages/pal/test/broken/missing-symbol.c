/* It has no pal_kill. */
#define pal_kill another_name
#include "skeleton.c"
