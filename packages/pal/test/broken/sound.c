/*
 * A PAL that does nothing wrong, for the conformance kit and for the broken ones beside it, which
 * include it and change one thing. Processes are built-in programs on the thread of pal_exec.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liberpal.h"

enum { MOST = 64 };

struct process {
	char path[64];
	char **argv;
	char **env;
	pal_stdio_fds_t stdio;
	int wake[2]; /* a byte, the signal, ends a process that waits */
	int taken;
	int running;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct process processes[MOST + 1];
static int created;

#if LIBERPAL_API_VERSION > 1
int pal_get_version(void) { return LIBERPAL_API_VERSION; }
#endif

int pal_init(const pal_attr_t *attr)
{
	if (attr == NULL)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	int result = created ? -EEXIST : 0;
	created = 1;
	pthread_mutex_unlock(&lock);
	return result;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = write(fd, text, left);
		if (n < 0 && errno != EINTR)
			return 1;
		if (n > 0) {
			text += n;
			left -= n;
		}
	}
	return 0;
}

static int show(int fd, char **texts, const char *before, const char *after)
{
	int failed = 0;
	for (; *texts != NULL; texts++)
		failed |= write_all(fd, before) | write_all(fd, *texts) | write_all(fd, after);
	return failed;
}

static int copy(int from, int to)
{
	char buffer[4096];
	ssize_t n;
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, n) != n)
			return 1;
	return n < 0;
}

static int deep(void)
{
	volatile char room[4 << 20];
	for (size_t i = 0; i < sizeof(room); i += 1024)
		room[i] = 1;
	return room[1024] - 1;
}

static int wait_for_signal(const struct process *p)
{
	unsigned char signal = 0;
	if (write_all(p->stdio.stdout, "waiting\n") != 0)
		return 1;
	while (read(p->wake[0], &signal, 1) < 0 && errno == EINTR)
		;
	return 128 + signal;
}

/* The built-in programs; -1 where there is none of that name. */
static int program(const struct process *p)
{
	const pal_stdio_fds_t *io = &p->stdio;
	if (strcmp(p->path, "/bin/exit") == 0)
		return p->argv[1] == NULL ? 0 : atoi(p->argv[1]) & 0xff;
	if (strcmp(p->path, "/bin/arguments") == 0)
		return show(io->stdout, p->argv + 1, "<", ">\n");
	if (strcmp(p->path, "/bin/environment") == 0)
		return show(io->stdout, p->env, "", "\n");
	if (strcmp(p->path, "/bin/cat") == 0)
		return copy(io->stdin, io->stdout);
	if (strcmp(p->path, "/bin/complain") == 0)
		return show(io->stderr, p->argv + 1, "", "\n");
	if (strcmp(p->path, "/bin/wait") == 0)
		return wait_for_signal(p);
	if (strcmp(p->path, "/bin/deep") == 0)
		return deep();
	return -1;
}

static int is_program(const char *path)
{
	static const char *const paths[] = { "/bin/exit", "/bin/arguments", "/bin/environment", "/bin/cat",
					     "/bin/complain", "/bin/wait", "/bin/deep" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(path, paths[i]) == 0)
			return 1;
	return 0;
}

/* The number of a new process, or a negative errno value. The caller's arrays stay valid until it has ended. */
static int create(const char *path, char **argv, char **env, const pal_stdio_fds_t *io)
{
	if (!is_program(path))
		return -ENOENT;
	int pid = created ? 1 : MOST + 1;
	while (pid <= MOST && processes[pid].taken)
		pid++;
	if (pid > MOST)
		return created ? -EAGAIN : -EINVAL;
	struct process *p = &processes[pid];
	if (pipe(p->wake) != 0)
		return -errno;
	snprintf(p->path, sizeof(p->path), "%s", path);
	p->argv = argv;
	p->env = env;
	p->stdio = *io;
	p->running = 0;
	p->taken = 1;
	return pid;
}

static void release(struct process *p)
{
	close(p->wake[0]);
	close(p->wake[1]);
	p->taken = 0;
}

/* Runs a process to its end. */
static int run(int pid, int *exit_value)
{
	pthread_mutex_lock(&lock);
	int known = pid > 0 && pid <= MOST && processes[pid].taken && !processes[pid].running;
	if (known)
		processes[pid].running = 1;
	pthread_mutex_unlock(&lock);
	if (!known)
		return -ESRCH;
	*exit_value = program(&processes[pid]);
	pthread_mutex_lock(&lock);
	release(&processes[pid]);
	pthread_mutex_unlock(&lock);
	return 0;
}

#if LIBERPAL_API_VERSION == 1

int pal_exec(const char *path, char *argv[], pal_stdio_fds_t *stdio, int *exit_value)
{
	static char *none[] = { NULL };
	pthread_mutex_lock(&lock);
	int pid = create(path, argv, none, stdio);
	pthread_mutex_unlock(&lock);
	return pid < 0 ? pid : run(pid, exit_value);
}

#else

int pal_create_process(pal_create_process_args_t *args)
{
	if (args == NULL || args->path == NULL || args->stdio == NULL || args->pid == NULL)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	int pid = create(args->path, args->argv, args->env, args->stdio);
	pthread_mutex_unlock(&lock);
	if (pid < 0)
		return pid;
	*args->pid = pid;
	return 0;
}

int pal_exec(pal_exec_args_t *args)
{
	return args == NULL || args->exit_value == NULL ? -EINVAL : run(args->pid, args->exit_value);
}

int pal_kill(int pid, int sig)
{
	char signal = (char)sig;
	int reached = 0;
	if (sig < 1 || sig > 64)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	for (int i = 1; i <= MOST; i++)
		if ((pid == -1 || pid == i) && processes[i].taken && write(processes[i].wake[1], &signal, 1) == 1)
			reached++;
	pthread_mutex_unlock(&lock);
	return reached > 0 ? 0 : -ESRCH;
}

#endif

int pal_destroy(void)
{
	pthread_mutex_lock(&lock);
	int result = created ? 0 : -EINVAL;
	for (int i = 1; i <= MOST; i++)
		if (processes[i].taken && !processes[i].running)
			release(&processes[i]);
	created = 0;
	pthread_mutex_unlock(&lock);
	return result;
}

#if LIBERPAL_API_VERSION >= 3

int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len)
{
	if (targetinfo == NULL || targetinfo_len != 512 || report == NULL || report_len == NULL || *report_len < 432)
		return -EINVAL;
	/* No enclave, so no secret to make a MAC with: the last 16 bytes only depend on the target. */
	memset(report, 0, 432);
	memcpy((char *)report + 416, targetinfo, 16);
	*report_len = 432;
	return 0;
}

#endif
