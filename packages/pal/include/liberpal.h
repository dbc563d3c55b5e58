/*
 * Enclave Runtime PAL API: the contract between init-runelet and an enclave runtime
 * (a library OS, a WebAssembly engine, a virtual machine monitor) that is a shared
 * library. SPDX-License-Identifier: Apache-2.0
 *
 * Define LIBERPAL_API_VERSION as 1, 2 or 3 before including this file to choose the
 * version that a library implements; left out, it is 2.
 *
 *   function              1    2    3
 *   pal_get_version       o    x    x      x must be there, o may be
 *   pal_init              x    x    x      version 3: larger attributes
 *   pal_create_process         x    x
 *   pal_exec              x    x    x      version 1: other arguments
 *   pal_kill                   x    x
 *   pal_destroy           x    x    x
 *   pal_get_local_report            x
 *
 * A library without pal_get_version speaks version 1.
 *
 * Structures have the natural layout of the platform, which is checked below: they are not
 * packed. (An old text of version 2 packs them; no implementation does.)
 *
 * Functions return 0 for success. Any other value is a failure: a negative errno value, or
 * -1 with the reason in errno. Not a positive value, which other callers take for success.
 *
 * Strings are UTF-8 and end with NUL. Pointers that a function is given stay valid until the
 * process they belong to has ended; those of pal_init until the library's host ends.
 *
 * Threads: each call comes on a POSIX thread of its own with a stack of 8 MiB. pal_exec blocks
 * until the process has ended; pal_kill and further pal_create_process and pal_exec calls
 * arrive meanwhile. pal_init comes before, pal_destroy after all others.
 *
 * docs/pal.md says all this at length, and what else a library must and must not do.
 */
#ifndef LIBERPAL_H
#define LIBERPAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef LIBERPAL_API_VERSION
#define LIBERPAL_API_VERSION 2
#elif LIBERPAL_API_VERSION < 1 || LIBERPAL_API_VERSION > 3
#error "LIBERPAL_API_VERSION is 1, 2 or 3"
#endif

/* Attributes of the enclave, versions 1 and 2. 16 bytes. */
typedef struct pal_attr_v1 {
	const char *args;      /* arguments for the runtime, space-separated; may be empty */
	const char *log_level; /* trace, debug, info, warning, error, fatal, panic or off */
} pal_attr_v1_t;

/* Attributes of the enclave, version 3; begins as version 1. 32 bytes. */
typedef struct pal_attr_v3 {
	pal_attr_v1_t attr_v1;
	int fd;        /* the enclave device, -1 for none */
	uint64_t addr; /* the enclave's base address, 0 for none */
} pal_attr_v3_t;

/* Descriptors of the host that become a process's standard streams: lent, so the
 * library must not close them. 12 bytes. */
typedef struct pal_stdio_fds {
	int stdin;
	int stdout;
	int stderr;
} pal_stdio_fds_t;

/* Versions 2 and 3. 40 bytes. */
typedef struct pal_create_process_args {
	const char *path; /* the program, in the enclave's own file system */
	char **argv;      /* begins with argv[0], ends with NULL */
	char **env;       /* NAME=value each, ends with NULL; version 1 has none */
	pal_stdio_fds_t *stdio; /* as above */
	int *pid; /* out: the number by which pal_exec and pal_kill know the process, > 0 */
} pal_create_process_args_t;

/* Versions 2 and 3. 16 bytes: exit_value is at offset 8. */
typedef struct pal_exec_args {
	int pid;
	int *exit_value; /* out: the exit code, 0 to 255, or 128 + the signal that ended it */
} pal_exec_args_t;

#if LIBERPAL_API_VERSION >= 3
typedef pal_attr_v3_t pal_attr_t;
#else
typedef pal_attr_v1_t pal_attr_t;
#endif

/* What every caller relies on, on 64-bit platforms: x86-64 and arm64. */
#if defined(__cplusplus)
#define LIBERPAL_ASSERT(is_true) static_assert(is_true, "layout of liberpal.h")
#else
#define LIBERPAL_ASSERT(is_true) _Static_assert(is_true, "layout of liberpal.h")
#endif
LIBERPAL_ASSERT(sizeof(pal_attr_v1_t) == 16 && offsetof(pal_attr_v1_t, log_level) == 8);
LIBERPAL_ASSERT(sizeof(pal_attr_v3_t) == 32 && offsetof(pal_attr_v3_t, fd) == 16);
LIBERPAL_ASSERT(offsetof(pal_attr_v3_t, addr) == 24);
LIBERPAL_ASSERT(sizeof(pal_stdio_fds_t) == 12);
LIBERPAL_ASSERT(sizeof(pal_create_process_args_t) == 40 && offsetof(pal_create_process_args_t, env) == 16);
LIBERPAL_ASSERT(offsetof(pal_create_process_args_t, stdio) == 24 && offsetof(pal_create_process_args_t, pid) == 32);
LIBERPAL_ASSERT(sizeof(pal_exec_args_t) == 16 && offsetof(pal_exec_args_t, exit_value) == 8);
#undef LIBERPAL_ASSERT

/* The version that the library speaks: 1, 2 or 3. Called first. */
int pal_get_version(void);

/* Creates the enclave; a process has one, and a second call fails. -EINVAL, -ENOENT, -ENOMEM,
 * -EEXIST, ... */
int pal_init(const pal_attr_t *attr);

/* Ends the enclave and whatever runs in it. All calls but pal_init fail afterwards. */
int pal_destroy(void);

#if LIBERPAL_API_VERSION == 1

/* Makes a process and runs it to its end. *exit_value as in pal_exec_args_t. -EINVAL, -ENOENT,
 * -EACCES, -ENOEXEC, -ENOMEM, ... */
int pal_exec(const char *path, char *argv[], pal_stdio_fds_t *stdio, int *exit_value);

#else

/* Makes a process that does not run yet. -EINVAL, -ENOENT, -EACCES, -ENOEXEC, -ENOMEM, ... */
int pal_create_process(pal_create_process_args_t *args);

/* Runs a process to its end, once. -EINVAL, -ESRCH, ... */
int pal_exec(pal_exec_args_t *args);

/* Sends a signal by its Linux number to a process, or with pid -1 to every one. -EINVAL for a
 * signal that does not exist, -ESRCH for a process that does not, -EPERM or -ENOSYS for a
 * signal that this library cannot send. */
int pal_kill(int pid, int sig);

#endif

#if LIBERPAL_API_VERSION >= 3

/* Makes an EREPORT for the enclave that a TARGETINFO (512 bytes) names. *report_len is the room
 * in report, and on return the length of the report, 432 bytes. -EINVAL for other lengths. */
int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len);

#endif

#ifdef __cplusplus
}
#endif

#endif
