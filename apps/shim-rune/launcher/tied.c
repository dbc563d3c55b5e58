#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "launcher.h"

int run_tied(char *const *words) {
  pid_t parent = (pid_t)atoi(words[0]);
  /* Who died before the kernel was told is not our parent any more. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
    execv(words[1], words + 1);
    fprintf(stderr, "cannot start %s: %s\n", words[1], strerror(errno));
  }
  return 127;
}
