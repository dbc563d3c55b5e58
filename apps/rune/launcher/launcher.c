/*
 * bin/rune: hands what is surely about a plain container to the low-level runtime, and everything else to rune itself,
 * which needs Node.js and with it as long to start as runc needs for all its work.
 *
 * Surely plain is: a configuration of the simple form that config.c reads; flags that are known here; for `create` and
 * `run` a config.json that cannot ask for an enclave, seen from its text; and no word of the command line that names a
 * folder in which rune keeps an enclave container. Any doubt, and any error, is rune's: it decides by the same rules
 * (dispatch.ts), and it knows how to say what is wrong.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "launcher.h"

enum { MOST_BUNDLE = 4 << 20 };

static bool is_one_of(const char *word, const char *const *words) {
  while (*words != NULL && strcmp(*words, word) != 0) words++;
  return *words != NULL;
}

/* Flags as runc writes them, with one dash or two; those with a value as `-name VALUE` or `-name=VALUE`. */
struct flags {
  const char *const *values, *const *switches;
};

/* One flag at `words`. @returns how many words it takes; 0 if it is not known, or its value is not there */
static int read_flag(char *const *words, struct flags known, const char **name, const char **value) {
  static char room[32];
  const char *written = words[0] + (words[0][1] == '-' ? 2 : 1);
  size_t length = strcspn(written, "=");
  if (length >= sizeof room) return 0;
  memcpy(room, written, length);
  room[length] = '\0';
  *name = room;
  *value = written[length] == '=' ? written + length + 1 : words[1];
  if (is_one_of(room, known.values)) return written[length] == '=' ? 1 : *value == NULL ? 0 : 2;
  return written[length] == '\0' && is_one_of(room, known.switches) ? 1 : 0;
}

/* Whether a config.json could ask for an enclave. Escape sequences could hide it, if they stand for what is in the names. */
static bool may_ask(const char *text) {
  for (const char *at = text; (at = strcasestr(at, "enclave")) != NULL; at++)
    if (at[7] == '.' || at[7] == '_') return true;
  for (const char *at = text; (at = strstr(at, "\\u")) != NULL; at++) {
    char digits[5] = "";
    if (strspn(at + 2, "0123456789abcdefABCDEF") < 4) return true;
    memcpy(digits, at + 2, 4);
    unsigned long code = strtoul(digits, NULL, 16);
    if (code == '.' || code == '_' || (code < 0x80 && isalpha((int)code))) return true;
  }
  return false;
}

/* @param words of `create` or `run`, without the command */
static bool is_plain_bundle(char *const *words) {
  static const char *const values[] = {"bundle", "b", "console-socket", "pid-file", "pidfd-socket", "preserve-fds", NULL};
  static const char *const switches[] = {"no-pivot", "no-new-keyring", "detach", "d", "keep", "no-subreaper", NULL};
  static char text[MOST_BUNDLE + 1];
  char path[PATH_MAX];
  const char *bundle = ".", *name, *value;
  for (int taken = 1; *words != NULL; words += taken, taken = 1) {
    if (**words != '-') continue;
    taken = read_flag(words, (struct flags){values, switches}, &name, &value);
    if (taken == 0) return false;
    if (name[0] == 'b') bundle = value;
  }
  if (*bundle == '\0' || snprintf(path, sizeof path, "%s/config.json", bundle) >= (int)sizeof path) return false;
  ssize_t length = read_file(path, text, MOST_BUNDLE);
  return length >= 0 && strlen(text) == (size_t)length && !may_ask(text);
}

static bool is_plain(char *const *words, const struct config *config) {
  static const char *const values[] = {"root", "log", "log-format", "criu", "rootless", NULL};
  static const char *const switches[] = {"debug", "systemd-cgroup", NULL};
  static const char *const made[] = {"create", "run", NULL};
  static const char *const named[] = {"start", "state", "kill", "delete", "exec", "ps", "pause", "resume", "update",
                                      "events", "checkpoint", NULL};
  const char *name, *value;
  while (*words != NULL && **words == '-') {
    int taken = read_flag(words, (struct flags){values, switches}, &name, &value);
    if (taken == 0) return false;
    words += taken;
  }
  if (*words == NULL) return false;
  const char *command = *words++;
  if (strcmp(command, "list") == 0) return !keeps_any(config->state, NULL);
  if (strcmp(command, "spec") == 0) {
    while (*words != NULL && strstr(*words, "enclave") == NULL) words++;
    return *words == NULL;
  }
  if (keeps_any(config->state, words)) return false;
  return is_one_of(command, named) || (is_one_of(command, made) && !config->require_enclave && is_plain_bundle(words));
}

/* Replaces this process with a program, looked up as a shell does. Returns only if that fails. */
static void exec_runtime(const char *name, char **argv) {
  if (strchr(name, '/') != NULL) {
    execv(name, argv);
    return;
  }
  const char *path = getenv("PATH");
  if (path == NULL) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (;; path++) {
    int length = (int)strcspn(path, ":");
    char program[PATH_MAX];
    int size = snprintf(program, sizeof program, "%.*s%s%s", length, path, length == 0 ? "./" : "/", name);
    if (size < (int)sizeof program && access(program, X_OK) == 0) {
      execv(program, argv);
      return;
    }
    path += length;
    if (*path == '\0') return;
  }
}

/* Replaces this process with rune, in the folder beside the one that this program lies in. Returns only if that fails. */
static void exec_rune(int argc, char **argv) {
  static char node[PATH_MAX], script[PATH_MAX];
  char prefix[PATH_MAX - 64];
  errno = ENAMETOOLONG;
  ssize_t length = readlink("/proc/self/exe", prefix, sizeof prefix);
  if (length < 0 || length == (ssize_t)sizeof prefix) return;
  prefix[length] = '\0';
  char **words = calloc((size_t)argc + 4, sizeof *words);
  if (words == NULL) return;
  char *slash;
  for (int levels = 0; levels < 2 && (slash = strrchr(prefix, '/')) != NULL; levels++) *slash = '\0';
  snprintf(node, sizeof node, "%s/lib/inclavare/node", prefix);
  snprintf(script, sizeof script, "%s/lib/inclavare/rune.mjs", prefix);
  words[0] = node;
  words[1] = "--disable-warning=ExperimentalWarning";
  words[2] = script;
  for (int i = 1; i < argc; i++) words[i + 2] = argv[i];
  unsetenv("NODE_OPTIONS");
  execv(node, words);
}

int main(int argc, char **argv) {
  static struct config config = {.runtime = "runc", .state = "/run/rune"};
  if (argc > 0 && read_config(&config) && is_plain(argv + 1, &config)) {
    argv[0] = "runc";
    exec_runtime(config.runtime, argv);
  }
  exec_rune(argc, argv);
  fprintf(stderr, "rune: cannot start the Node.js of its installation: %s\n", strerror(errno));
  return 1;
}
