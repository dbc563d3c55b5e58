/*
 * palcall: calls functions of a PAL library as a caller in C does, for a caller that is not written in C.
 *
 * Each call gets a POSIX thread of its own with a stack of the wanted size: a foreign-function interface calls on a stack
 * that the thread does not know of, and runtimes that compare the stack pointer with the thread's bounds take that for an
 * overflow. Calls block for as long as they like; the end of one makes an eventfd readable.
 *
 * A crash inside a call is reported, one line `signal N in NAME`, to a descriptor and to standard error, before the
 * process dies by it. Everything in the handler is async-signal-safe.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* 64 bytes; calls.ts writes and reads it by these offsets. */
typedef struct {
  const char *name;      /* 0: of the function, for the report of a crash */
  uintptr_t function;    /* 8 */
  uint64_t arguments[4]; /* 16: unused ones are ignored by the function, as they are in registers */
  int32_t result;        /* 48 */
  int32_t error;         /* 52: errno after the call, 0 if nobody set it */
  int32_t done;          /* 56: an eventfd */
  int32_t unused;
} palcall_t;

_Static_assert(sizeof(palcall_t) == 64 && sizeof(void *) == 8, "calls.ts knows this layout");

enum { ALTERNATE_BYTES = 32 << 10 };
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
enum { FAULTS = sizeof faults / sizeof *faults };

/* The call that this thread is in. Of the static kind: the handler must not allocate. */
static __thread const char *current __attribute__((tls_model("initial-exec")));
static struct sigaction before[FAULTS];
static int report_to = -1;
static pid_t owner; /* not a child that a library has forked */

/* The end of a call, and of its thread: the caller may free it from then on. */
static void finish(void *argument) {
  palcall_t *call = argument;
  current = NULL;
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  eventfd_write(call->done, 1);
}

static void *run(void *argument) {
  palcall_t *call = argument;
  char room[ALTERNATE_BYTES];
  stack_t alternate = {.ss_sp = room, .ss_size = sizeof room};
  sigaltstack(&alternate, NULL);
  int (*function)(uint64_t, uint64_t, uint64_t, uint64_t) = (void *)call->function;
  call->result = -ECANCELED; /* what it stays if the function ends its thread */
  pthread_cleanup_push(finish, call);
  current = call->name;
  prctl(PR_SET_NAME, call->name);
  errno = 0;
  call->result = function(call->arguments[0], call->arguments[1], call->arguments[2], call->arguments[3]);
  call->error = errno;
  pthread_cleanup_pop(1);
  return NULL;
}

/* Starts a call, which has to stay where it is until its eventfd is readable. @returns 0 or an errno */
int palcall_start(palcall_t *call, size_t stack_bytes) {
  pthread_attr_t attributes;
  pthread_t thread;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  error = pthread_attr_setstacksize(&attributes, stack_bytes);
  if (error == 0) error = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (error == 0) error = pthread_create(&thread, &attributes, run, call);
  pthread_attr_destroy(&attributes);
  return error;
}

static void report(int signal, const char *name) {
  char line[128] = "signal ";
  size_t length = strlen(line);
  if (signal >= 10) line[length++] = (char)('0' + signal / 10);
  line[length++] = (char)('0' + signal % 10);
  memcpy(line + length, " in ", 4);
  length += 4;
  for (; *name != '\0' && length < sizeof line - 1; name++) line[length++] = *name;
  line[length++] = '\n';
  if (report_to >= 0 && write(report_to, line, length) < 0) report_to = -1;
  if (write(STDERR_FILENO, line, length) < 0) return;
}

static int watch(int index);

/* Returns only in pid 1 of a container, which no signal of its own ends. */
static void die_by(int signal) {
  struct sigaction plain = {.sa_handler = SIG_DFL};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigaction(signal, &plain, NULL);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  raise(signal);
}

/* To whom it would have gone without us: V8 catches faults of its own. */
static void hand_on(int index, siginfo_t *info, void *context) {
  const struct sigaction *other = &before[index];
  int signal = faults[index], is_fault = info->si_code > 0;
  if (other->sa_flags & SA_SIGINFO) other->sa_sigaction(signal, info, context);
  else if (other->sa_handler == SIG_IGN && !is_fault) return;
  else if (other->sa_handler != SIG_DFL && other->sa_handler != SIG_IGN) other->sa_handler(signal);
  else {
    die_by(signal);
    if (is_fault) _exit(128 + signal);
    watch(index); /* pid 1 was sent a signal, which does nothing to it */
  }
}

/* abort(3) and raise(3) send a signal as well, but to themselves. */
static int was_sent_by_others(const siginfo_t *info) {
  return info->si_code <= 0 && !(info->si_code == SI_TKILL && info->si_pid == getpid());
}

/* The call that this thread is in or that a library has made it in: a thread inherits its name. NULL: it is none of these. */
static const char *call_of_thread(void) {
  static const char *const calls[] = {
    "dlopen", "pal_get_version", "pal_init", "pal_create_process", "pal_exec", "pal_kill", "pal_get_local_report", "pal_destroy",
  };
  char name[16];
  if (current != NULL || prctl(PR_GET_NAME, name) != 0) return current;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strncmp(name, calls[i], sizeof name - 1) == 0) return calls[i];
  return NULL;
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  int index = 0;
  while (index < FAULTS - 1 && faults[index] != signal) index++;
  const char *call = call_of_thread();
  if (call == NULL || owner != getpid() || was_sent_by_others(info)) {
    hand_on(index, info, context);
    return;
  }
  report(signal, call);
  die_by(signal);
  _exit(128 + signal);
}

/* @returns 0 or an errno */
static int watch(int index) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  struct sigaction present;
  sigemptyset(&action.sa_mask);
  if (sigaction(faults[index], NULL, &present) != 0) return errno;
  if ((present.sa_flags & SA_SIGINFO) && present.sa_sigaction == on_fault) return 0;
  before[index] = present;
  return sigaction(faults[index], &action, NULL) == 0 ? 0 : errno;
}

/* Has crashes reported to a descriptor, from now on. @returns 0 or an errno */
int palcall_report(int descriptor) {
  int error = 0;
  report_to = descriptor;
  owner = getpid();
  for (int i = 0; i < FAULTS && error == 0; i++) error = watch(i);
  return error;
}
