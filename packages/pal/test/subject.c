/* A PAL of version 2 for the tests: processes are threads that do what their path says. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SUBJECT_VERSION
#define SUBJECT_VERSION 2
#endif
#define LIBERPAL_API_VERSION 2
#include "liberpal.h"

_Static_assert(sizeof(pal_attr_v1_t) == 16 && sizeof(pal_attr_v3_t) == 32, "attributes");
_Static_assert(sizeof(pal_stdio_fds_t) == 12 && sizeof(pal_create_process_args_t) == 40, "create");
_Static_assert(sizeof(pal_exec_args_t) == 16, "exec");

enum { MAX = 64 };
static struct { pal_create_process_args_t args; int pipe[2]; int signal; } processes[MAX];
static int count;
static pthread_mutex_t lock __attribute__((unused)) = PTHREAD_MUTEX_INITIALIZER;
static char *given;

#if SUBJECT_VERSION != 1
int pal_get_version(void) { return SUBJECT_VERSION; }
#endif

int pal_init(const pal_attr_t *attr)
{
	if (strcmp(attr->args, "fail-errno") == 0) {
		errno = EEXIST;
		return -1;
	}
	if (strcmp(attr->args, "fail-value") == 0)
		return -EACCES;
	if (strcmp(attr->args, "fail-positive") == 0)
		return 1;
	if (strcmp(attr->args, "slow") == 0)
		usleep(300000);
	given = (char *)attr->args; /* kept, as the header allows */
	return strcmp(attr->log_level, "debug") == 0 || strcmp(attr->log_level, "info") == 0 ? 0 : -EINVAL;
}

#ifndef SUBJECT_LACKS_CREATE
int pal_create_process(pal_create_process_args_t *args)
{
	if (strcmp(args->path, "/missing") == 0)
		return -ENOENT;
	pthread_mutex_lock(&lock);
	int pid = ++count;
	processes[pid].args = *args; /* the pointers are kept until pal_exec */
	if (pipe(processes[pid].pipe) != 0)
		pid = -1;
	pthread_mutex_unlock(&lock);
	*args->pid = strcmp(args->path, "/no-number") == 0 ? 0 : pid;
	return 0;
}
#endif

static int deep(volatile char *out)
{
	volatile char room[4 << 20]; /* more than koffi's own stack */
	memset((void *)room, 1, sizeof(room));
	pthread_attr_t attr;
	void *low;
	size_t size;
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &size);
	pthread_attr_destroy(&attr);
	int within = (char *)room >= (char *)low && (char *)room < (char *)low + size;
	*out = room[123];
	return within ? 17 : 18;
}

int pal_exec(pal_exec_args_t *args)
{
	pal_create_process_args_t *p = &processes[args->pid].args;
	char scratch = 0;
	int n = 0;
	if (strcmp(p->path, "/unwritten") == 0)
		return 0;
	if (strcmp(p->path, "/fail") == 0)
		return -EIO;
	if (strcmp(p->path, "/odd") == 0)
		*args->exit_value = 0x300;
	else if (strcmp(p->path, "/deep") == 0)
		*args->exit_value = deep(&scratch);
	else if (strcmp(p->path, "/echo") == 0) {
		dprintf(p->stdio->stdout, "%s|", given);
		for (char **a = p->argv; *a; a++)
			dprintf(p->stdio->stdout, "<%s>", *a);
		for (char **e = p->env; *e; e++)
			dprintf(p->stdio->stdout, "[%s]", *e);
		*args->exit_value = 0;
	} else if (strcmp(p->path, "/wait") == 0) {
		while (read(processes[args->pid].pipe[0], &scratch, 1) < 0 && errno == EINTR)
			;
		*args->exit_value = 128 + processes[args->pid].signal;
	} else {
		for (char **a = p->argv; *a; a++)
			n++;
		*args->exit_value = n;
	}
	return 0;
}

#ifndef SUBJECT_LACKS_KILL
int pal_kill(int pid, int sig)
{
	int reached = 0;
	for (int i = 1; i <= count; i++) {
		if (pid != -1 && pid != i)
			continue;
		processes[i].signal = sig;
		if (write(processes[i].pipe[1], "k", 1) == 1)
			reached++;
	}
	return reached > 0 ? 0 : -ESRCH;
}
#endif

int pal_destroy(void)
{
	for (int i = 1; i <= count; i++) {
		close(processes[i].pipe[0]);
		close(processes[i].pipe[1]);
	}
	count = 0;
	return 0;
}
