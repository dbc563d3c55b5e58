/*
 * The smallest PAL: its processes are built-in programs that run on the thread of pal_exec, and there is no enclave. One
 * source for versions 1, 2 and 3 of the API (LIBERPAL_API_VERSION). SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "skeleton.h"

enum { MOST_PROCESSES = 256, END_SECONDS = 2 };

/* Guards all that follows. It is never held while a program runs. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_ended = PTHREAD_COND_INITIALIZER;
static int is_created;
static int last_number;
static struct process processes[MOST_PROCESSES];

static struct process *find_process(int number) {
  for (size_t i = 0; i < MOST_PROCESSES; i++)
    if (processes[i].number == number) return &processes[i];
  return NULL;
}

static void release(struct process *p) {
  close(p->signals[0]);
  close(p->signals[1]);
  p->number = 0;
  p->is_running = 0;
}

/* Returns the number of a new process, or a negative errno value. */
static int add_process(const char *path, char **argv, char **env, const pal_stdio_fds_t *stdio) {
  if (path == NULL || argv == NULL || stdio == NULL) return -EINVAL;
  program_t *program = find_program(path);
  if (program == NULL) return -ENOENT;
  pthread_mutex_lock(&lock);
  struct process *p = is_created ? find_process(0) : NULL;
  int result = is_created ? -EAGAIN : -ENODEV;
  if (p != NULL && pipe2(p->signals, O_CLOEXEC | O_NONBLOCK) != 0) result = -errno;
  else if (p != NULL) {
    result = p->number = ++last_number;
    p->program = program;
    p->argv = argv;
    p->env = env;
    p->stdio = *stdio;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

/* Runs a process to its end; each runs once. */
static int run_process(int number, int *exit_value) {
  if (exit_value == NULL) return -EINVAL;
  pthread_mutex_lock(&lock);
  struct process *p = number > 0 ? find_process(number) : NULL;
  int is_ready = p != NULL && !p->is_running;
  if (is_ready) p->is_running = 1;
  pthread_mutex_unlock(&lock);
  if (!is_ready) return -ESRCH;
  int value = p->program(p);
  pthread_mutex_lock(&lock);
  release(p);
  pthread_cond_broadcast(&has_ended);
  pthread_mutex_unlock(&lock);
  say(LEVEL_DEBUG, "process %d ended with %d", number, value);
  hand_back_exit_value(value, exit_value);
  return 0;
}

/* To one process, to the oldest one (0), or to all (-1). The lock is the caller's. */
static int send_signal(int number, int sig) {
  char byte = (char)sig;
  struct process *oldest = NULL;
  int reached = 0;
  for (size_t i = 0; i < MOST_PROCESSES; i++) {
    struct process *p = &processes[i];
    if (p->number == 0) continue;
    if (oldest == NULL || p->number < oldest->number) oldest = p;
    if (number != -1 && p->number != number) continue;
    if (write(p->signals[1], &byte, 1) != 1) return -errno;
    reached++;
  }
  if (number == 0 && oldest != NULL) return send_signal(oldest->number, sig);
  return reached > 0 ? 0 : -ESRCH;
}

#if LIBERPAL_API_VERSION > 1
int pal_get_version(void) {
  return LIBERPAL_API_VERSION;
}
#endif

int pal_init(const pal_attr_t *attr) {
  if (attr == NULL) return -EINVAL;
#if LIBERPAL_API_VERSION >= 3
  const pal_attr_v1_t *texts = &attr->attr_v1;
#else
  const pal_attr_v1_t *texts = attr;
#endif
  pthread_mutex_lock(&lock);
  int result = is_created ? -EEXIST : set_options(texts->args, texts->log_level);
  pthread_mutex_unlock(&lock);
  if (result == 0) result = inject(CALL_INIT);
  if (result != 0) return result;
  pthread_mutex_lock(&lock);
  is_created = 1;
  pthread_mutex_unlock(&lock);
  say(LEVEL_DEBUG, "created, version %d", LIBERPAL_API_VERSION);
  return 0;
}

#if LIBERPAL_API_VERSION == 1

int pal_exec(const char *path, char *argv[], pal_stdio_fds_t *stdio, int *exit_value) {
  static char *nothing[] = {NULL};
  int result = inject(CALL_EXEC);
  if (result != 0) return result;
  int number = add_process(path, argv, nothing, stdio);
  return number < 0 ? number : run_process(number, exit_value);
}

#else

int pal_create_process(pal_create_process_args_t *args) {
  static char *nothing[] = {NULL};
  int result = inject(CALL_CREATE);
  if (result != 0) return result;
  if (args == NULL || args->pid == NULL) return -EINVAL;
  int number = add_process(args->path, args->argv, args->env == NULL ? nothing : args->env, args->stdio);
  if (number < 0) return number;
  say(LEVEL_DEBUG, "process %d is %s", number, args->path);
  hand_back_number(number, args->pid);
  return 0;
}

int pal_exec(pal_exec_args_t *args) {
  int result = inject(CALL_EXEC);
  if (result != 0) return result;
  return args == NULL ? -EINVAL : run_process(args->pid, args->exit_value);
}

int pal_kill(int pid, int sig) {
  int result = inject(CALL_KILL);
  if (result != 0) return result;
  if (pid < -1 || sig < 1 || sig > MOST_SIGNAL) return -EINVAL;
  /* A program cannot be held: better to say so than to go on in silence. */
  if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) return -ENOSYS;
  pthread_mutex_lock(&lock);
  result = is_created ? send_signal(pid, sig) : -ENODEV;
  pthread_mutex_unlock(&lock);
  say(LEVEL_DEBUG, "signal %d to process %d: %d", sig, pid, result);
  return result;
}

#endif

#if LIBERPAL_API_VERSION >= 3

int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len) {
  int result = inject(CALL_REPORT);
  if (result != 0) return result;
  if (targetinfo == NULL || targetinfo_len != TARGETINFO_BYTES) return -EINVAL;
  if (report == NULL || report_len == NULL || *report_len < REPORT_BYTES) return -EINVAL;
  pthread_mutex_lock(&lock);
  result = is_created ? 0 : -ENODEV;
  pthread_mutex_unlock(&lock);
  if (result != 0) return result;
  make_report(targetinfo, report);
  *report_len = REPORT_BYTES;
  return 0;
}

#endif

/* Processes that never ran are forgotten. The others are killed, and waited for. The lock is the caller's. */
static int end_processes(void) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += END_SECONDS;
  send_signal(-1, SIGKILL);
  for (size_t i = 0; i < MOST_PROCESSES; i++) {
    struct process *p = &processes[i];
    if (p->number != 0 && !p->is_running) release(p);
    while (p->number != 0)
      if (pthread_cond_timedwait(&has_ended, &lock, &deadline) != 0) return -EBUSY;
  }
  return 0;
}

int pal_destroy(void) {
  int result = inject(CALL_DESTROY);
  if (result != 0) return result;
  pthread_mutex_lock(&lock);
  result = is_created ? 0 : -ENODEV;
  is_created = 0;
  if (result == 0) result = end_processes();
  pthread_mutex_unlock(&lock);
  say(LEVEL_DEBUG, "destroyed: %d", result);
  return result;
}
