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
 * Structures have the natural layout of the platform: they are not packed. (An old text
 * of version 2 packs them; no implementation does.)
 *
 * Functions return 0 for success. Any other value is a failure, negative errno values by
 * convention. Callers report the value, and errno where the library set it.
 *
 * Pointers that a function is given stay valid until the process they belong to has
 * ended; those of pal_init until pal_destroy.
 *
 * Threads: pal_exec runs on a thread of its own, with a stack of 8 MiB, and blocks until
 * the process has ended. pal_kill and further pal_create_process and pal_exec calls
 * arrive meanwhile, on other threads. pal_init comes before, pal_destroy after all others.
 */
#ifndef LIBERPAL_H
#define LIBERPAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef LIBERPAL_API_VERSION
#define LIBERPAL_API_VERSION 2
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

/* Descriptors of the caller that become a process's standard streams: lent, so the
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
	char **env;       /* NAME=value each, ends with NULL */
	pal_stdio_fds_t *stdio;
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

/* The version that the library speaks. Called first. */
int pal_get_version(void);

/* Creates the enclave. -EINVAL, -ENOENT, -ENOMEM, ... */
int pal_init(const pal_attr_t *attr);

/* Ends the enclave and whatever runs in it. */
int pal_destroy(void);

#if LIBERPAL_API_VERSION == 1

/* Creates a process and runs it to its end. */
int pal_exec(const char *path, char *argv[], pal_stdio_fds_t *stdio, int *exit_value);

#else

/* Makes a process that does not run yet. -EINVAL, -ENOENT, -EACCES, -ENOEXEC, -ENOMEM, ... */
int pal_create_process(pal_create_process_args_t *args);

/* Runs a process to its end. -EINVAL, ... */
int pal_exec(pal_exec_args_t *args);

/* Sends a signal by its Linux number; pid -1 means every process. -EINVAL, -ESRCH, ... */
int pal_kill(int pid, int sig);

#endif

#if LIBERPAL_API_VERSION >= 3

/* Makes an EREPORT for the enclave that a TARGETINFO names. On return *report_len tells
 * the length of the report, 432 bytes; it was the room in report before. */
int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len);

#endif

#ifdef __cplusplus
}
#endif

#endif
