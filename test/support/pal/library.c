/* A PAL of version 2 that needs a library of its own: what `rune` has to find on the host and bring along. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "liberpal.h"

enum { MOST = 16 };
static struct { pal_create_process_args_t args; int wake; int signal; } processes[MOST];
static int count;

const char *dependency_greeting(void);

int pal_get_version(void) { return 2; }

int pal_init(const pal_attr_t *attr) {
  if (strcmp(attr->args, "refuse") == 0) return -EACCES;
  if (strcmp(attr->args, "crash") == 0) raise(SIGSEGV);
  return 0;
}

int pal_create_process(pal_create_process_args_t *args) {
  if (count + 1 == MOST) return -ENOMEM;
  int pid = ++count;
  processes[pid].args = *args;
  processes[pid].wake = eventfd(0, EFD_CLOEXEC);
  *args->pid = pid;
  return 0;
}

int pal_exec(pal_exec_args_t *args) {
  pal_create_process_args_t *p = &processes[args->pid].args;
  const char *what = p->argv[1] ? p->argv[1] : "";
  *args->exit_value = 0;
  if (strcmp(what, "show") == 0) {
    char cwd[256];
    dprintf(p->stdio->stdout, "%s %s %s\n", dependency_greeting(), p->path, getcwd(cwd, sizeof cwd));
    for (char **a = p->argv; *a; a++) dprintf(p->stdio->stdout, "<%s>", *a);
    for (char **e = p->env; *e; e++) dprintf(p->stdio->stdout, "[%s]", *e);
    dprintf(p->stdio->stdout, "\n");
  } else if (strcmp(what, "exit") == 0) {
    *args->exit_value = atoi(p->argv[2]);
  } else if (strcmp(what, "wait") == 0) {
    struct pollfd woken = {.fd = processes[args->pid].wake, .events = POLLIN};
    while (poll(&woken, 1, -1) < 0 && errno == EINTR) continue;
    *args->exit_value = 128 + processes[args->pid].signal;
  } else if (strcmp(what, "crash") == 0) {
    raise(SIGSEGV);
  } else {
    return -ENOENT;
  }
  return 0;
}

int pal_kill(int pid, int signal) {
  int reached = 0;
  for (int i = 1; i <= count; i++) {
    if (pid != -1 && pid != i) continue;
    processes[i].signal = signal;
    reached += eventfd_write(processes[i].wake, 1) == 0;
  }
  return reached > 0 ? 0 : -ESRCH;
}

int pal_destroy(void) { return 0; }
