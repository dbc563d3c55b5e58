/*
 * bin/rune: hands what is surely about a plain container to the low-level runtime, and everything else to rune itself,
 * which needs Node.js and with it as long to start as runc needs for all its work.
 *
 * Surely plain is: a configuration of the simple form that is read here; flags that are known here; for `create` and `run`
 * a config.json that does not contain "enclave." or "enclave_" in any case, nor an escape sequence that could hide them;
 * and no word of the command line that names a folder in which rune keeps an enclave container. Any doubt, and any error,
 * is rune's: it decides by the same rules (dispatch.ts), and it knows how to say what is wrong.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { MOST_CONFIG = 64 << 10, MOST_BUNDLE = 4 << 20, MOST_STATES = 256 };

static struct {
  char runtime[PATH_MAX];
  char state[PATH_MAX];
  bool require_enclave;
} config = {.runtime = "runc", .state = "/run/rune"};

/* A whole regular file, NUL at its end. @returns its length, or -1 with errno */
static ssize_t read_file(const char *path, char *room, size_t most) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return -1;
  struct stat status;
  size_t length = 0;
  ssize_t count = -1;
  errno = EINVAL;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (size_t)status.st_size < most)
    while (length < most - 1 && (count = read(file, room + length, most - 1 - length)) > 0) length += (size_t)count;
  int error = errno;
  close(file);
  room[length] = '\0';
  errno = error;
  return count == 0 ? (ssize_t)length : -1;
}

/* "text" without escapes, at *at; moves it behind. */
static bool read_string(const char **at, char *room) {
  size_t length = strcspn(*at + 1, "\"\\");
  if (**at != '"' || (*at)[length + 1] != '"' || length == 0 || length >= PATH_MAX) return false;
  memcpy(room, *at + 1, length);
  room[length] = '\0';
  *at += length + 2;
  return true;
}

/* One key of [rune] or [attesterd], with a value of the form that rune accepts for it; each at most once. */
static bool read_value(const char *key, const char **at) {
  static const char *const keys[] = {"runtime", "state", "payload", "socket", "platform", "pals", "pal_library_paths", "require_enclave"};
  static bool seen[8];
  char text[PATH_MAX];
  size_t index = 0;
  while (index < 8 && strcmp(key, keys[index]) != 0) index++;
  if (index == 8 || seen[index]) return false;
  seen[index] = true;
  if (index == 7) {
    config.require_enclave = strncmp(*at, "true", 4) == 0;
    if (!config.require_enclave && strncmp(*at, "false", 5) != 0) return false;
    *at += config.require_enclave ? 4 : 5;
    return true;
  }
  if (index == 5 || index == 6) {
    if (*(*at)++ != '[') return false;
    while (**at != ']') {
      if (!read_string(at, text) || text[0] != '/') return false;
      *at += strspn(*at, " \t");
      if (**at == ',') *at += 1 + strspn(*at + 1, " \t");
      else if (**at != ']') return false;
    }
    ++*at;
    return true;
  }
  if (!read_string(at, text) || (index != 0 && text[0] != '/')) return false;
  if (index < 2) strcpy(index == 0 ? config.runtime : config.state, text);
  return true;
}

/* One line of the configuration: empty, a comment, a table that rune has, or a key with its value. */
static bool read_line(const char *at, char *table) {
  at += strspn(at, " \t");
  if (*at == '[') {
    bool rune = strncmp(at, "[rune]", 6) == 0 && strchr(table, 'r') == NULL;
    bool attesterd = strncmp(at, "[attesterd]", 11) == 0 && strchr(table, 'a') == NULL;
    if (!rune && !attesterd) return false;
    strcat(table, rune ? "r" : "a");
    at += rune ? 6 : 11;
  } else if (*at != '#' && *at != '\0') {
    char key[32];
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    if (length == 0 || length >= sizeof key || *table == '\0') return false;
    memcpy(key, at, length);
    key[length] = '\0';
    bool of_attesterd = strcmp(key, "socket") == 0 || strcmp(key, "platform") == 0;
    if (of_attesterd != (table[strlen(table) - 1] == 'a')) return false;
    at += length + strspn(at + length, " \t");
    if (*at++ != '=') return false;
    at += strspn(at, " \t");
    if (!read_value(key, &at)) return false;
  }
  at += strspn(at, " \t");
  return *at == '\0' || *at == '#';
}

static bool read_config(void) {
  static char text[MOST_CONFIG];
  const char *named = getenv("INCLAVARE_CONFIG");
  ssize_t length = read_file(named ? named : "/etc/inclavare-containers/config.toml", text, sizeof text);
  if (length < 0) return named == NULL && errno == ENOENT;
  for (ssize_t i = 0; i < length; i++)
    if (text[i] != '\n' && text[i] != '\t' && (text[i] < 0x20 || text[i] > 0x7e)) return false;
  char table[4] = "";
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    if (!read_line(line, table)) return false;
  return true;
}

/* Whether any of the words could be the id of an enclave container, under whatever root. */
static bool names_ours(char *const *words) {
  DIR *states = opendir(config.state);
  if (states == NULL) return errno != ENOENT;
  bool ours = false;
  int count = 0;
  for (struct dirent *entry; !ours && (entry = readdir(states)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    if (++count > MOST_STATES) ours = true;
    for (char *const *word = words; !ours && *word != NULL; word++) {
      char path[PATH_MAX];
      if (**word == '\0' || **word == '-' || strchr(*word, '/') != NULL || strlen(*word) > NAME_MAX) continue;
      int length = snprintf(path, sizeof path, "%s/%s/%s", config.state, entry->d_name, *word);
      ours = length < 0 || (size_t)length >= sizeof path || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
  }
  closedir(states);
  return ours;
}

/* A flag of the list, as `-name VALUE` or `-name=VALUE`, with one dash or two. @returns words taken, 0 for none of them */
static int match_flag(char *const *words, const char *const *names, const char **value) {
  if (words[0][0] != '-') return 0;
  const char *written = words[0] + (words[0][1] == '-' ? 2 : 1);
  size_t length = strcspn(written, "=");
  for (; *names != NULL; names++) {
    if (strlen(*names) != length || strncmp(*names, written, length) != 0) continue;
    *value = written[length] == '=' ? written + length + 1 : words[1];
    return written[length] == '=' ? 1 : words[1] == NULL ? 0 : 2;
  }
  return 0;
}

static bool is_switch(const char *word, const char *const *names) {
  if (word[0] != '-') return false;
  for (word += word[1] == '-' ? 2 : 1; *names != NULL; names++)
    if (strcmp(word, *names) == 0) return true;
  return false;
}

/* Whether `create` or `run` is of a bundle whose configuration cannot ask for an enclave. */
static bool is_plain_bundle(char *const *words) {
  static const char *const values[] = {"console-socket", "pid-file", "pidfd-socket", "preserve-fds", NULL};
  static const char *const bundles[] = {"bundle", "b", NULL};
  static const char *const switches[] = {"no-pivot", "no-new-keyring", "detach", "d", "keep", "no-subreaper", NULL};
  static char text[MOST_BUNDLE];
  char path[PATH_MAX];
  const char *bundle = ".", *ignored;
  while (*words != NULL) {
    int taken = match_flag(words, bundles, &bundle);
    if (taken == 0) taken = match_flag(words, values, &ignored);
    if (taken == 0 && **words == '-' && !is_switch(*words, switches)) return false;
    words += taken == 0 ? 1 : taken;
  }
  if (*bundle == '\0' || snprintf(path, sizeof path, "%s/config.json", bundle) >= (int)sizeof path) return false;
  ssize_t length = read_file(path, text, sizeof text);
  if (length < 0 || memchr(text, '\0', (size_t)length) != NULL) return false;
  if (strstr(text, "\\u") != NULL) return false;
  for (const char *at = text; (at = strcasestr(at, "enclave")) != NULL; at++)
    if (at[7] == '.' || at[7] == '_') return false;
  return true;
}

static bool is_plain(char *const *words) {
  static const char *const values[] = {"root", "log", "log-format", "criu", "rootless", NULL};
  static const char *const switches[] = {"debug", "systemd-cgroup", NULL};
  static const char *const by_id[] = {"start", "state", "kill", "delete", "exec", "ps", "pause", "resume", "update", "events", NULL};
  const char *ignored;
  if (!read_config()) return false;
  while (*words != NULL && **words == '-') {
    int taken = match_flag(words, values, &ignored);
    if (taken == 0 && !is_switch(*words, switches)) return false;
    words += taken == 0 ? 1 : taken;
  }
  const char *command = *words == NULL ? "" : *words++;
  for (char *const *word = words; *word != NULL; word++)
    if (strcmp(*word, "--") == 0 || strcmp(*word, "--help") == 0 || strcmp(*word, "-help") == 0 || strcmp(*word, "-h") == 0)
      return false;
  if (names_ours(words)) return false;
  if (strcmp(command, "create") == 0 || strcmp(command, "run") == 0) return !config.require_enclave && is_plain_bundle(words);
  for (const char *const *name = by_id; *name != NULL; name++)
    if (strcmp(command, *name) == 0) return true;
  return false;
}

/* The low-level runtime, looked up as a shell does. Returns only if that fails. */
static void exec_runtime(char **argv) {
  argv[0] = "runc";
  if (strchr(config.runtime, '/') != NULL) {
    execv(config.runtime, argv);
    return;
  }
  const char *path = getenv("PATH");
  if (path == NULL) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (;; path++) {
    int length = (int)strcspn(path, ":");
    char program[PATH_MAX];
    if (snprintf(program, sizeof program, "%.*s%s%s", length, path, length == 0 ? "./" : "/", config.runtime) < (int)sizeof program &&
        access(program, X_OK) == 0) {
      execv(program, argv);
      return;
    }
    path += length;
    if (*path == '\0') return;
  }
}

int main(int argc, char **argv) {
  if (argc > 0 && is_plain(argv + 1)) exec_runtime(argv);

  char self[PATH_MAX - 64], node[PATH_MAX], script[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0 || length == (ssize_t)sizeof self) return fputs("rune: cannot tell where it is installed\n", stderr), 1;
  self[length] = '\0';
  char *slash;
  for (int levels = 0; levels < 2 && (slash = strrchr(self, '/')) != NULL; levels++) *slash = '\0';
  snprintf(node, sizeof node, "%s/lib/inclavare/node", self);
  snprintf(script, sizeof script, "%s/lib/inclavare/rune.mjs", self);
  char **words = calloc((size_t)argc + 4, sizeof *words);
  if (words == NULL) return fputs("rune: out of memory\n", stderr), 1;
  words[0] = node;
  words[1] = "--disable-warning=ExperimentalWarning";
  words[2] = script;
  for (int i = 1; i < argc; i++) words[i + 2] = argv[i];
  unsetenv("NODE_OPTIONS");
  execv(node, words);
  fprintf(stderr, "rune: cannot start %s: %s\n", node, strerror(errno));
  return 1;
}
