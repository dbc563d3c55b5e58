/*
 * The skeleton: the smallest enclave runtime behind the PAL API, a sample for authors and a subject for tests. It has no
 * enclave: its processes are functions that run on the thread that calls pal_exec. README.md has its programs and options.
 *
 * LIBERPAL_API_VERSION chooses the version of the API, 1, 2 or 3.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "liberpal.h"

enum { MOST_PROCESSES = 64, DEEP_BYTES = 6 << 20 };
enum state { FREE, CREATED, RUNNING };

struct process {
  enum state state;
  const char *path;
  char *const *argv;
  char *const *env;
  pal_stdio_fds_t stdio;
  int wake;   /* an eventfd, readable once the process is to end */
  int signal; /* by which it is to end, 0 for none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct process processes[MOST_PROCESSES + 1]; /* by number, from 1 on */
static bool alive;
static bool verbose;
static char options[1024];

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  if (!verbose) return;
  va_list arguments;
  va_start(arguments, format);
  dprintf(STDERR_FILENO, "skeleton: ");
  vdprintf(STDERR_FILENO, format, arguments);
  dprintf(STDERR_FILENO, "\n");
  va_end(arguments);
}

/* The value of `name=N` among the options, or the fallback; a name alone counts as 1. */
static int option(const char *name, int fallback) {
  size_t length = strlen(name);
  for (const char *at = options; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " ")) {
    if (strncmp(at, name, length) != 0) continue;
    if (at[length] == '=') return atoi(at + length + 1);
    if (at[length] == ' ' || at[length] == '\0') return 1;
  }
  return fallback;
}

/* Waits until a signal ends the process or, where a descriptor is given, it can be read. @returns whether it goes on */
static bool wait_for(const struct process *process, int descriptor) {
  struct pollfd waiting[] = {{.fd = process->wake, .events = POLLIN}, {.fd = descriptor, .events = POLLIN}};
  while (poll(waiting, 2, -1) < 0 && errno == EINTR) continue;
  return waiting[0].revents == 0;
}

static int program_exit(struct process *process) { return process->argv[1] != NULL ? atoi(process->argv[1]) : 0; }

static int program_arguments(struct process *process) {
  for (int i = 1; process->argv[i] != NULL; i++) dprintf(process->stdio.stdout, "<%s>\n", process->argv[i]);
  return 0;
}

static int program_environment(struct process *process) {
  for (int i = 0; process->env != NULL && process->env[i] != NULL; i++) dprintf(process->stdio.stdout, "%s\n", process->env[i]);
  return 0;
}

static int program_cat(struct process *process) {
  char room[4096];
  while (wait_for(process, process->stdio.stdin)) {
    ssize_t count = read(process->stdio.stdin, room, sizeof room);
    if (count <= 0) return count < 0;
    for (ssize_t at = 0, written; at < count; at += written)
      if ((written = write(process->stdio.stdout, room + at, (size_t)(count - at))) < 0) return 1;
  }
  return 0;
}

static int program_complain(struct process *process) {
  dprintf(process->stdio.stderr, "%s", process->argv[1] != NULL ? process->argv[1] : "complaint");
  return 0;
}

static int program_wait(struct process *process) {
  dprintf(process->stdio.stdout, "waiting\n");
  wait_for(process, -1);
  return 0;
}

/* As deep as the header allows: a good part of 8 MiB, which must be this thread's own. */
static int program_deep(struct process *process) {
  (void)process;
  volatile char room[DEEP_BYTES];
  for (size_t at = 0; at < sizeof room; at += 4096) room[at] = 1;
  pthread_attr_t attributes;
  void *lowest;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 1;
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  return (char *)room < (char *)lowest || (char *)room >= (char *)lowest + size;
}

static int program_crash(struct process *process) {
  if (process->argv[1] != NULL && strcmp(process->argv[1], "abort") == 0) abort();
  *(volatile int *)NULL = 0;
  return 0;
}

static const struct { const char *name; int (*run)(struct process *); } programs[] = {
  {"exit", program_exit},       {"arguments", program_arguments}, {"environment", program_environment},
  {"cat", program_cat},         {"complain", program_complain},   {"wait", program_wait},
  {"deep", program_deep},       {"crash", program_crash},
};

/* Programs lie in /bin, and a bare name is looked up there. */
static int (*find_program(const char *path))(struct process *) {
  if (strncmp(path, "/bin/", 5) == 0) path += 5;
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    if (strcmp(path, programs[i].name) == 0) return programs[i].run;
  return NULL;
}

/* @returns its number, or a negative errno value */
static int create(const char *path, char *const *argv, char *const *env, const pal_stdio_fds_t *stdio) {
  if (path == NULL || argv == NULL || argv[0] == NULL || stdio == NULL) return -EINVAL;
  int failure = option("fail-create", 0);
  if (failure != 0) return failure;
  if (find_program(path) == NULL) return -ENOENT;
  pthread_mutex_lock(&lock);
  int pid = alive ? -EAGAIN : -EINVAL;
  for (int number = 1; alive && number <= MOST_PROCESSES; number++) {
    if (processes[number].state != FREE) continue;
    int wake = eventfd(0, EFD_CLOEXEC);
    if (wake >= 0) processes[number] = (struct process){CREATED, path, argv, env, *stdio, wake, 0};
    pid = wake >= 0 ? number : -errno;
    break;
  }
  pthread_mutex_unlock(&lock);
  note("create_process %s: %d", path, pid);
  return pid;
}

static int run(int pid, int *exit_value) {
  if (pid < 1 || pid > MOST_PROCESSES || exit_value == NULL) return -EINVAL;
  struct process *process = &processes[pid];
  pthread_mutex_lock(&lock);
  bool ready = alive && process->state == CREATED;
  if (ready) process->state = RUNNING;
  pthread_mutex_unlock(&lock);
  if (!ready) return -ESRCH;

  int failure = option("fail-exec", 0);
  int value = failure == 0 ? find_program(process->path)(process) : 0;
  pthread_mutex_lock(&lock);
  if (process->signal != 0) value = 128 + process->signal;
  close(process->wake);
  process->state = FREE;
  pthread_mutex_unlock(&lock);
  note("exec %d: exit value %d", pid, value);
  if (option("no-exit-value", 0) == 0) *exit_value = option("exit-value", value);
  return failure;
}

/* Ends processes by a signal. Call it with the lock held. @returns how many */
static int end(int pid, int signal) {
  int reached = 0;
  for (int number = 1; number <= MOST_PROCESSES; number++) {
    if ((pid != -1 && pid != number) || processes[number].state == FREE) continue;
    if (processes[number].signal == 0) processes[number].signal = signal;
    eventfd_write(processes[number].wake, 1);
    reached++;
  }
  return reached;
}

#if LIBERPAL_API_VERSION >= 2
int pal_get_version(void) { return LIBERPAL_API_VERSION; }
#endif

int pal_init(const pal_attr_t *attr) {
  if (attr == NULL) return -EINVAL;
#if LIBERPAL_API_VERSION >= 3
  const pal_attr_v1_t *common = &attr->attr_v1;
  if (attr->fd != -1) return -ENOTSUP; /* there is no enclave that could come from a pool */
#else
  const pal_attr_v1_t *common = attr;
#endif
  const char *level = common->log_level != NULL ? common->log_level : "";
  pthread_mutex_lock(&lock);
  bool again = alive;
  if (!again) snprintf(options, sizeof options, "%s", common->args != NULL ? common->args : "");
  pthread_mutex_unlock(&lock);
  if (again) return -EEXIST;
  verbose = strcmp(level, "debug") == 0 || strcmp(level, "trace") == 0;
  note("init with \"%s\"", options);
  if (option("hang-init", 0) != 0) pause();
  if (option("crash-init", 0) != 0) *(volatile int *)NULL = 0;
  if (option("abort-init", 0) != 0) abort();
  if (option("errno-init", 0) != 0) {
    errno = option("errno-init", 0);
    return -1;
  }
  int failure = option("fail-init", 0);
  alive = failure == 0;
  return failure;
}

int pal_destroy(void) {
  pthread_mutex_lock(&lock);
  bool was = alive;
  alive = false;
  end(-1, SIGKILL);
  pthread_mutex_unlock(&lock);
  note("destroy");
  return was ? option("fail-destroy", 0) : -EINVAL;
}

#if LIBERPAL_API_VERSION == 1

int pal_exec(const char *path, char *argv[], pal_stdio_fds_t *stdio, int *exit_value) {
  int pid = create(path, argv, NULL, stdio);
  return pid < 0 || option("fail-create", 0) != 0 ? pid : run(pid, exit_value);
}

#else

int pal_create_process(pal_create_process_args_t *args) {
  if (args == NULL || args->pid == NULL) return -EINVAL;
  int pid = create(args->path, args->argv, args->env, args->stdio);
  if (pid < 0 || option("fail-create", 0) != 0) return pid;
  *args->pid = pid;
  return 0;
}

int pal_exec(pal_exec_args_t *args) { return args == NULL ? -EINVAL : run(args->pid, args->exit_value); }

int pal_kill(int pid, int sig) {
  if (sig < 1 || sig > 64) return -EINVAL;
  pthread_mutex_lock(&lock);
  int reached = alive ? end(pid, sig) : 0;
  pthread_mutex_unlock(&lock);
  note("kill %d by signal %d: %d processes", pid, sig, reached);
  return reached > 0 ? 0 : -ESRCH;
}

#endif

#if LIBERPAL_API_VERSION >= 3

/* The form of a report, and nothing of its worth: there is no enclave and no key. */
int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len) {
  enum { TARGETINFO = 512, REPORT = 432, MRENCLAVE = 64, MRSIGNER = 128, KEY_ID = 384, MEASUREMENT = 32 };
  static const char said[MEASUREMENT] = "skeleton: there is no enclave";
  if (targetinfo == NULL || report == NULL || report_len == NULL || targetinfo_len != TARGETINFO) return -EINVAL;
  if (!alive) return -EINVAL;
  if (*report_len < REPORT) return -ENOSPC;
  unsigned char *bytes = report;
  memset(bytes, 0, REPORT);
  memcpy(bytes + MRENCLAVE, said, MEASUREMENT);
  memcpy(bytes + MRSIGNER, said, MEASUREMENT);
  memcpy(bytes + KEY_ID, targetinfo, MEASUREMENT); /* whom it was made for */
  *report_len = REPORT;
  return 0;
}

#endif
