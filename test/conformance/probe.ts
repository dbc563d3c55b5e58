import { compile } from "../support/compile.ts";

/** What the WASI probe program does, as an ordinary Linux program; see probe-program.ts for the verbs. */
const SOURCE = `
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
static void end(int number) { _exit(128 + number); }
static void lines(char **list) { for (; *list != NULL; list++) { fputs(*list, stdout); putchar('\\n'); } }
int main(int argc, char **argv) {
  /* pid 1 ignores what it has no handler for; an enclave's process is no pid 1 and ends as it would anywhere else. */
  static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM};
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) signal(ending[i], end);
  const char *verb = argc > 1 ? argv[1] : "";
  char buffer[65536];
  if (strcmp(verb, "exit") == 0) return atoi(argv[2]);
  if (strcmp(verb, "args") == 0) lines(argv);
  else if (strcmp(verb, "env") == 0) lines(environ);
  else if (strcmp(verb, "cat") == 0) {
    for (ssize_t n; (n = read(0, buffer, sizeof buffer)) > 0;) if (write(1, buffer, n) != n) return 1;
  } else if (strcmp(verb, "write") == 0) {
    for (;;) { if (write(1, "alive\\n", 6) != 6) return 1; usleep(50000); }
  } else if (strcmp(verb, "sleep") == 0) for (;;) pause();
  else if (strcmp(verb, "spin") == 0) for (;;) ;
  else if (argc > 1) return 99;
  return 0;
}`;

/** The program's bytes. */
export function plainProbe(): Uint8Array {
  return compile(SOURCE);
}
