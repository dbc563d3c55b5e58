/*
 * bin/containerd-shim-rune-v2: does by itself what containerd asks for with every container and what is simple, since
 * Node.js needs as long to start as runc needs for all its work: `start` without options, and `delete` where nothing is
 * left. For the shim it starts what is to die with it. Any doubt, and any error, is for the shim in TypeScript, which does the same and knows how to say what is wrong
 * (src/command/).
 */
#define _GNU_SOURCE
#include "launcher.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool is_name(const char *word) {
  static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  size_t length = strspn(word, letters);
  return length > 0 && length < NAME_MAX && word[length] == '\0' && strcmp(word, ".") != 0 && strcmp(word, "..") != 0;
}

bool answers(const char *path, int stays_ms) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return true;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return true;
  bool ended = connect(fd, (struct sockaddr *)&address, sizeof address) != 0
                   ? errno == ECONNREFUSED || errno == ENOENT
                   : stays_ms > 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, stays_ms) > 0;
  close(fd);
  return !ended;
}

/* Go's syntax: `-name value` or `-name=value`, with one dash or two; the first other word is the action. */
static bool read_call(char *const *words, struct call *call) {
  const char *ignored;
  const struct {
    const char *name, **value;
  } values[] = {
    {"namespace", &call->namespace}, {"address", &call->address}, {"id", &call->id},
    {"bundle", &call->bundle}, {"publish-binary", &ignored},
  };
  while (*words != NULL && **words == '-') {
    const char *name = *words + ((*words)[1] == '-' ? 2 : 1);
    size_t length = strcspn(name, "="), index = 0, count = sizeof values / sizeof *values;
    if (strcmp(name, "debug") == 0) {
      call->debug = true;
      words++;
      continue;
    }
    while (index < count && (strlen(values[index].name) != length || strncmp(values[index].name, name, length) != 0)) index++;
    if (index == count) return false;
    const char *value = name[length] == '=' ? name + length + 1 : *++words;
    if (value == NULL) return false;
    *values[index].value = value;
    words++;
  }
  if (*words == NULL || words[1] != NULL) return false;
  call->action = *words;
  return is_name(call->namespace) && is_name(call->id);
}

/* Paths in the folder beside the one that this program lies in. */
static bool find_program(char *node, char *script) {
  char prefix[PATH_MAX - 64];
  ssize_t length = readlink("/proc/self/exe", prefix, sizeof prefix);
  errno = ENAMETOOLONG;
  if (length < 0 || length == (ssize_t)sizeof prefix) return false;
  prefix[length] = '\0';
  char *slash;
  for (int levels = 0; levels < 2 && (slash = strrchr(prefix, '/')) != NULL; levels++) *slash = '\0';
  snprintf(node, PATH_MAX, "%s/lib/inclavare/node", prefix);
  snprintf(script, PATH_MAX, "%s/lib/inclavare/shim-rune.mjs", prefix);
  return true;
}

/* Replaces this process. Returns only if that fails. */
static void exec_shim(struct program program, int argc, char **argv) {
  char **words = calloc((size_t)argc + 4, sizeof *words);
  if (words == NULL) return;
  words[0] = (char *)program.node;
  words[1] = "--disable-warning=ExperimentalWarning";
  words[2] = (char *)program.script;
  for (int i = 1; i < argc; i++) words[i + 2] = argv[i];
  unsetenv("NODE_OPTIONS");
  execv(program.node, words);
}

int main(int argc, char **argv) {
  static char node[PATH_MAX], script[PATH_MAX];
  struct program program = {node, script};
  if (argc > 3 && strcmp(argv[1], "tied") == 0) return run_tied(argv + 2);
  struct call call = {.namespace = "", .address = "", .id = "", .bundle = "", .action = ""};
  if (find_program(node, script)) {
    if (argc > 0 && read_call(argv + 1, &call)) {
      if (strcmp(call.action, "start") == 0 && start_shim(&call, program)) return 0;
      if (strcmp(call.action, "delete") == 0 && delete_nothing(&call)) return 0;
    }
    exec_shim(program, argc, argv);
  }
  fprintf(stderr, "containerd-shim-rune-v2: cannot start the Node.js of its installation: %s\n", strerror(errno));
  return 1;
}
