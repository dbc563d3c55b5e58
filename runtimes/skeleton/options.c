/*
 * The options of the skeleton, and the log: README.md has the list. SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skeleton.h"

enum fault { FAIL, ERRNO, HANG, SLOW, DEEP, CRASH, ABORT, FAULTS };
enum { MOST_BYTES = 1024, MOST_SLOW_MS = 600000, MOST_DEEP_MIB = 1024 };

/* A number that may be left out. */
struct number {
  int is_set;
  int value;
};

static const struct {
  const char *name;
  int since; /* the version of the API */
} calls[CALLS] = {{"init", 1}, {"create", 2}, {"exec", 1}, {"kill", 2}, {"report", 3}, {"destroy", 1}};
static const char *const level_names[LEVELS] = {"off", "panic", "fatal", "error", "warning", "info", "debug", "trace"};

/* What can be done to a call, and what its number is where none is given; 0: one must be given. */
static const struct {
  const char *name;
  int by_default, least, most;
} kinds[FAULTS] = {
  [FAIL] = {"fail", 0, INT_MIN, INT_MAX},
  [ERRNO] = {"errno", 0, 1, 4095},
  [HANG] = {"hang", 1, 1, 1},
  [SLOW] = {"slow", 0, 1, MOST_SLOW_MS},
  [DEEP] = {"deep", 4, 1, MOST_DEEP_MIB},
  [CRASH] = {"crash", SIGSEGV, 1, MOST_SIGNAL},
  [ABORT] = {"abort", 1, 1, 1},
};

/* Written by pal_init, before there are other calls. */
static struct {
  struct number faults[FAULTS][CALLS];
  struct number number, exit_value;
  int hides_exit_value;
  enum level level;
} options = {.level = LEVEL_INFO};

static int set_number(const char *text, int least, int most, struct number *room) {
  char *end = NULL;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || errno != 0 || value < least || value > most) return -EINVAL;
  *room = (struct number){.is_set = 1, .value = (int)value};
  return 0;
}

/* `crash-exec`, `fail-init=-13`: what is done, to which call, and a number. */
static int set_fault(const char *word, const char *value) {
  for (int kind = 0; kind < FAULTS; kind++) {
    size_t length = strlen(kinds[kind].name);
    if (strncmp(word, kinds[kind].name, length) != 0 || word[length] != '-') continue;
    for (int call = 0; call < CALLS; call++) {
      if (strcmp(word + length + 1, calls[call].name) != 0 || calls[call].since > LIBERPAL_API_VERSION) continue;
      struct number *room = &options.faults[kind][call];
      if (value != NULL) return set_number(value, kinds[kind].least, kinds[kind].most, room);
      *room = (struct number){.is_set = 1, .value = kinds[kind].by_default};
      return kinds[kind].by_default == 0 ? -EINVAL : 0;
    }
  }
  return -EINVAL;
}

static int set_option(char *word) {
  char *value = strchr(word, '=');
  if (value != NULL) *value++ = '\0';
  if (strcmp(word, "exit-value") == 0 && value != NULL) return set_number(value, INT_MIN, INT_MAX, &options.exit_value);
  if (strcmp(word, "number") == 0 && value != NULL) return set_number(value, INT_MIN, INT_MAX, &options.number);
  if (strcmp(word, "no-exit-value") == 0 && value == NULL) return options.hides_exit_value = 1, 0;
  return set_fault(word, value);
}

static int set_level(const char *name) {
  for (int level = 0; level < LEVELS; level++)
    if (strcmp(name, level_names[level]) == 0) return options.level = (enum level)level, 0;
  return -EINVAL;
}

int set_options(const char *args, const char *log_level) {
  char text[MOST_BYTES];
  memset(&options, 0, sizeof options);
  options.level = LEVEL_INFO;
  if (log_level != NULL && set_level(log_level) != 0) {
    say(LEVEL_ERROR, "unknown log level %s", log_level);
    return -EINVAL;
  }
  int length = snprintf(text, sizeof text, "%s", args == NULL ? "" : args);
  if (length < 0 || (size_t)length >= sizeof text) return -E2BIG;
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    if (set_option(word) == 0) continue;
    say(LEVEL_ERROR, "unknown option, or one with a wrong value: %s", word);
    return -EINVAL;
  }
  return 0;
}

void die(int sig) {
  if (sig == SIGSEGV) *(volatile int *)NULL = 0;
  if (sig == SIGABRT) abort();
  raise(sig);
}

int inject(enum call call) {
  struct number wanted[FAULTS];
  for (int kind = 0; kind < FAULTS; kind++) wanted[kind] = options.faults[kind][call];
  if (wanted[SLOW].is_set) usleep((useconds_t)wanted[SLOW].value * 1000);
  if (wanted[DEEP].is_set && !use_stack((size_t)wanted[DEEP].value << 20)) return -ERANGE;
  while (wanted[HANG].is_set) pause();
  if (wanted[CRASH].is_set) die(wanted[CRASH].value);
  if (wanted[ABORT].is_set) die(SIGABRT);
  if (wanted[FAIL].is_set) return wanted[FAIL].value;
  if (!wanted[ERRNO].is_set) return 0;
  errno = wanted[ERRNO].value;
  return -1;
}

void hand_back_number(int number, int *room) {
  *room = options.number.is_set ? options.number.value : number;
}

void hand_back_exit_value(int value, int *room) {
  if (!options.hides_exit_value) *room = options.exit_value.is_set ? options.exit_value.value : value;
}

void say(enum level level, const char *format, ...) {
  if (level > options.level) return;
  char text[MOST_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  dprintf(STDERR_FILENO, "liberpal-skeleton-v%d: %s: %s\n", LIBERPAL_API_VERSION, level_names[level], text);
}
