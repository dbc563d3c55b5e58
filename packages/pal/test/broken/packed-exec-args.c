/* It takes pal_exec_args_t for packed: exit_value at offset 4. */
#define pal_exec sound_exec
#include "skeleton.c"
#undef pal_exec
#include <string.h>

struct packed_exec_args {
	int pid;
	int *exit_value;
} __attribute__((packed));

int pal_exec(pal_exec_args_t *args)
{
	struct packed_exec_args packed;
	memcpy(&packed, args, sizeof(packed));
	pal_exec_args_t other = { packed.pid, packed.exit_value };
	return sound_exec(&other);
}
