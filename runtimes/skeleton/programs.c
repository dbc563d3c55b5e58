/*
 * The built-in programs of the skeleton, and how they wait: whatever blocks ends when a deadly signal is sent.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skeleton.h"

enum { FAILED = 1, WRONG_USE = 2, PIECE_BYTES = 4096, LINE_BYTES = 128, DEEP_MIB = 4 };

/* The next signal that was sent; 0: none. */
static int take_signal(struct process *p) {
  unsigned char sig = 0;
  return read(p->signals[0], &sig, 1) == 1 ? sig : 0;
}

/* The exit value of the deadly signals sent so far; 0: there were none. */
static int death(struct process *p) {
  int sig;
  while ((sig = take_signal(p)) != 0)
    if (sig != SIGCHLD && sig != SIGCONT && sig != SIGURG && sig != SIGWINCH) return 128 + sig;
  return 0;
}

/* Waits until a descriptor is ready or the time is over (-1: never). Returns 0, or the exit value of a deadly signal. */
static int await(struct process *p, int fd, short events, int timeout_ms) {
  struct pollfd both[] = {{.fd = p->signals[0], .events = POLLIN}, {.fd = fd, .events = events}};
  for (;;) {
    both[1].revents = 0;
    int ready = poll(both, 2, timeout_ms);
    int value = death(p);
    if (value != 0 || ready == 0 || both[1].revents != 0) return value;
  }
}

/* Writes all of a text. Returns 0, or the exit value that the program ends with. */
static int put_bytes(struct process *p, int fd, const char *text, size_t length) {
  while (length > 0) {
    int value = fd < 0 ? FAILED : await(p, fd, POLLOUT, -1);
    if (value != 0) return value;
    /* A pipe that is ready has room for this much, so the write does not block. */
    ssize_t count = write(fd, text, length < PIECE_BYTES ? length : PIECE_BYTES);
    if (count < 0 && errno != EINTR && errno != EAGAIN) return FAILED;
    if (count > 0) text += count, length -= (size_t)count;
  }
  return 0;
}

static int put(struct process *p, int fd, const char *text) {
  return put_bytes(p, fd, text, strlen(text));
}

static int put_each(struct process *p, char **texts, const char *before, const char *after) {
  int value = 0;
  for (; *texts != NULL && value == 0; texts++) {
    value = put(p, p->stdio.stdout, before);
    if (value == 0) value = put(p, p->stdio.stdout, *texts);
    if (value == 0) value = put(p, p->stdio.stdout, after);
  }
  return value;
}

static char **arguments(struct process *p) {
  return p->argv[0] == NULL ? p->argv : p->argv + 1;
}

/* The first argument as a number; -1 where it is none. */
static long number(struct process *p, long most) {
  const char *text = arguments(p)[0];
  char *end = NULL;
  long value = text == NULL || *text == '\0' ? -1 : strtol(text, &end, 10);
  return value < 0 || *end != '\0' || value > most ? -1 : value;
}

static int wrong_use(struct process *p, const char *usage) {
  int value = put(p, p->stdio.stderr, usage);
  return value == 0 ? WRONG_USE : value;
}

static int run_echo(struct process *p) {
  int value = 0;
  for (char **argument = arguments(p); *argument != NULL && value == 0; argument++) {
    value = put(p, p->stdio.stdout, *argument);
    if (value == 0 && argument[1] != NULL) value = put(p, p->stdio.stdout, " ");
  }
  return value == 0 ? put(p, p->stdio.stdout, "\n") : value;
}

static int run_arguments(struct process *p) {
  return put_each(p, arguments(p), "<", ">\n");
}

static int run_env(struct process *p) {
  return put_each(p, p->env, "", "\n");
}

static int copy(struct process *p, int from) {
  char piece[PIECE_BYTES];
  for (;;) {
    int value = from < 0 ? FAILED : await(p, from, POLLIN, -1);
    if (value != 0) return value;
    ssize_t count = read(from, piece, sizeof piece);
    if (count == 0) return 0;
    if (count < 0 && errno != EINTR && errno != EAGAIN) return FAILED;
    value = count > 0 ? put_bytes(p, p->stdio.stdout, piece, (size_t)count) : 0;
    if (value != 0) return value;
  }
}

static int run_cat(struct process *p) {
  const char *path = arguments(p)[0];
  if (path == NULL) return copy(p, p->stdio.stdin);
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) {
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "cat: %.64s: %s\n", path, strerrorname_np(errno));
    int value = put(p, p->stdio.stderr, line);
    return value == 0 ? FAILED : value;
  }
  int value = copy(p, file);
  close(file);
  return value;
}

static int run_complain(struct process *p) {
  int value = 0;
  for (char **argument = arguments(p); *argument != NULL && value == 0; argument++) {
    value = put(p, p->stdio.stderr, *argument);
    if (value == 0) value = put(p, p->stdio.stderr, "\n");
  }
  return value;
}

static int run_exit(struct process *p) {
  long value = arguments(p)[0] == NULL ? 0 : number(p, 255);
  return value < 0 ? wrong_use(p, "exit: expected a number from 0 to 255\n") : (int)value;
}

static int run_signal(struct process *p) {
  long sig = number(p, MOST_SIGNAL);
  return sig < 1 ? wrong_use(p, "signal: expected the number of a signal\n") : 128 + (int)sig;
}

static int run_sleep(struct process *p) {
  long seconds = number(p, LONG_MAX - 1);
  if (seconds < 0) return wrong_use(p, "sleep: expected a number of seconds\n");
  int value = 0;
  while (seconds-- > 0 && value == 0) value = await(p, -1, 0, 1000);
  return value;
}

static int run_wait(struct process *p) {
  int value = put(p, p->stdio.stdout, "waiting\n");
  return value == 0 ? await(p, -1, 0, -1) : value;
}

static int run_spin(struct process *p) {
  int value = put(p, p->stdio.stdout, "spinning\n");
  while (value == 0) value = death(p);
  return value;
}

static int run_signals(struct process *p) {
  int value = put(p, p->stdio.stdout, "waiting\n");
  while (value == 0) {
    struct pollfd sent = {.fd = p->signals[0], .events = POLLIN};
    poll(&sent, 1, -1);
    int sig = take_signal(p);
    if (sig == SIGKILL) return 128 + SIGKILL;
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "signal %d\n", sig);
    if (sig != 0) value = put(p, p->stdio.stdout, line);
    if (sig == SIGTERM) return value;
  }
  return value;
}

static int run_deep(struct process *p) {
  long mib = arguments(p)[0] == NULL ? DEEP_MIB : number(p, 1024);
  if (mib < 0) return wrong_use(p, "deep: expected a number of MiB\n");
  return use_stack((size_t)mib << 20) ? 0 : FAILED;
}

static int run_crash(struct process *p) {
  long sig = arguments(p)[0] == NULL ? SIGSEGV : number(p, MOST_SIGNAL);
  if (sig < 1) return wrong_use(p, "crash: expected the number of a signal\n");
  die((int)sig);
  return 0;
}

static int run_id(struct process *p) {
  char line[LINE_BYTES];
  snprintf(line, sizeof line, "uid=%u gid=%u\n", geteuid(), getegid());
  return put(p, p->stdio.stdout, line);
}

static int run_pwd(struct process *p) {
  char *path = getcwd(NULL, 0);
  int value = path == NULL ? FAILED : put(p, p->stdio.stdout, path);
  free(path);
  return value == 0 ? put(p, p->stdio.stdout, "\n") : value;
}

program_t *find_program(const char *path) {
  static const struct {
    const char *name;
    program_t *program;
  } programs[] = {
    {"arguments", run_arguments}, {"cat", run_cat},   {"complain", run_complain}, {"crash", run_crash},
    {"deep", run_deep},           {"echo", run_echo}, {"environment", run_env},   {"env", run_env},
    {"exit", run_exit},           {"id", run_id},     {"pwd", run_pwd},           {"signal", run_signal},
    {"signals", run_signals},     {"sleep", run_sleep}, {"spin", run_spin},       {"wait", run_wait},
  };
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    if (strcmp(name, programs[i].name) == 0) return programs[i].program;
  return NULL;
}

/* Not inlined: the room is to be on a frame of its own. */
__attribute__((noinline)) int use_stack(size_t bytes) {
  volatile char *room = __builtin_alloca(bytes + 1);
  for (size_t i = 0; i <= bytes; i += 1024) room[bytes - i] = 1;
  pthread_attr_t attributes;
  void *low = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return (char *)room >= (char *)low && (char *)room + bytes < (char *)low + size;
}
