/*
 * What the parts of the skeleton share. SPDX-License-Identifier: Apache-2.0
 */
#ifndef SKELETON_H
#define SKELETON_H

#include <stddef.h>

#include "liberpal.h"

#pragma GCC visibility push(hidden)

enum { MOST_SIGNAL = 64, TARGETINFO_BYTES = 512, REPORT_BYTES = 432 };

struct process;
typedef int program_t(struct process *);

/* A process: a built-in program on the thread that called pal_exec. Its arrays are the caller's. */
struct process {
  int number; /* 0: this place is free */
  int is_running;
  program_t *program;
  char **argv;
  char **env;
  pal_stdio_fds_t stdio;
  int signals[2]; /* a pipe that holds a byte for each signal sent */
};

/* The program of a path, whose directory does not matter; NULL where there is none. It returns its exit value. */
program_t *find_program(const char *path);

enum call { CALL_INIT, CALL_CREATE, CALL_EXEC, CALL_KILL, CALL_REPORT, CALL_DESTROY, CALLS };

/* Takes the attributes of pal_init. Returns 0, or -EINVAL for options or a log level that are unknown. */
int set_options(const char *args, const char *log_level);

/* Ends the process that has the library by a signal, as a fault of it would. Returns where the signal ends nothing. */
void die(int sig);

/* Does to a call what the options want. Returns what the call has to return at once; 0: it goes on. */
int inject(enum call call);

/* Writes what a call hands back, or what the options want in its place. */
void hand_back_number(int number, int *room);
void hand_back_exit_value(int value, int *room);

enum level { LEVEL_OFF, LEVEL_PANIC, LEVEL_FATAL, LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG, LEVEL_TRACE, LEVELS };

/* Writes a line to stderr, if the log level lets it through. */
void say(enum level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Uses that much of the stack. Returns whether all of it lies within the bounds that the thread knows. */
int use_stack(size_t bytes);

/* Writes a REPORT for a TARGETINFO. */
void make_report(const unsigned char *targetinfo, unsigned char *report);

#pragma GCC visibility pop

#endif
