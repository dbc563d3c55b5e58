/*
 * The operator's configuration, as far as a program without a TOML parser can be sure of it: comments, the tables and keys
 * below, each at most once, and strings without escape sequences. packages/container/src/config.ts reads the rest of TOML,
 * and says what is wrong.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "launcher.h"

enum { MOST_TEXT = 64 << 10 };
enum kind { TEXT, PATH, PATHS, SWITCH, COUNT, EVIDENCE, GROUPING };

static const char *const tables[] = {"rune", "shim", "attesterd", "conversion", "metrics"};
static const struct {
  const char *table, *name;
  enum kind kind;
} keys[] = {
  {"rune", "runtime", TEXT}, {"rune", "state", PATH}, {"rune", "payload", PATH}, {"rune", "pals", PATHS},
  {"rune", "pal_library_paths", PATHS}, {"rune", "require_enclave", SWITCH},
  {"shim", "grouping", GROUPING}, {"attesterd", "socket", PATH}, {"attesterd", "platform", PATH},
  {"attesterd", "evidence", EVIDENCE}, {"attesterd", "tsm", PATH},
  {"conversion", "cache", PATH}, {"conversion", "cache_limit_mib", COUNT}, {"conversion", "signing_key", PATH},
  {"metrics", "folder", PATH},
};
enum { TABLES = sizeof tables / sizeof *tables, KEYS = sizeof keys / sizeof *keys };

ssize_t read_file(const char *path, char *room, size_t most) {
  struct stat status;
  if (stat(path, &status) != 0) return -1;
  errno = EINVAL;
  /* Before it is opened, which would not leave a pipe or a device as it was. */
  if (!S_ISREG(status.st_mode)) return -1;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return -1;
  size_t length = 0;
  ssize_t count = 1;
  while (length < most && (count = read(file, room + length, most - length)) > 0) length += (size_t)count;
  close(file);
  if (count != 0) return -1;
  room[length] = '\0';
  return (ssize_t)length;
}

static void skip_blanks(const char **at) { *at += strspn(*at, " \t"); }

static void skip_lines(const char **at) {
  for (*at += strspn(*at, " \t\n"); **at == '#'; *at += strspn(*at, " \t\n")) *at += strcspn(*at, "\n");
}

/* A string on one line, of printable ASCII without a backslash, that is not empty. @param room PATH_MAX bytes */
static bool read_string(const char **at, enum kind kind, char *room) {
  char quote = **at;
  if (quote != '"' && quote != '\'') return false;
  size_t length = 0;
  while (*++*at != quote) {
    if (**at < ' ' || **at > '~' || **at == '\\' || length == PATH_MAX - 1) return false;
    room[length++] = **at;
  }
  ++*at;
  room[length] = '\0';
  return length > 0 && (kind == TEXT || room[0] == '/');
}

static bool read_strings(const char **at) {
  char ignored[PATH_MAX];
  if (*(*at)++ != '[') return false;
  for (skip_lines(at); **at != ']'; skip_lines(at)) {
    if (!read_string(at, PATH, ignored)) return false;
    skip_lines(at);
    if (**at == ',') ++*at;
    else if (**at != ']') return false;
  }
  ++*at;
  return true;
}

static bool read_switch(const char **at, bool *value) {
  *value = strncmp(*at, "true", 4) == 0;
  if (!*value && strncmp(*at, "false", 5) != 0) return false;
  *at += *value ? 4 : 5;
  return true;
}

/* From 1 to 999999999, without signs, zeros in front and underscores. */
static bool read_count(const char **at) {
  size_t length = strspn(*at, "0123456789");
  bool good = length >= 1 && length <= 9 && **at != '0';
  *at += length;
  return good;
}

static bool read_value(const char **at, size_t key, struct config *config) {
  char ignored[PATH_MAX];
  if (keys[key].kind == SWITCH) return read_switch(at, &config->require_enclave);
  if (keys[key].kind == PATHS) return read_strings(at);
  if (keys[key].kind == COUNT) return read_count(at);
  if (keys[key].kind == EVIDENCE)
    return read_string(at, TEXT, ignored) && (strcmp(ignored, "simulated") == 0 || strcmp(ignored, "tsm") == 0);
  if (keys[key].kind == GROUPING) return read_string(at, TEXT, ignored) && strcmp(ignored, "pod") == 0;
  return read_string(at, keys[key].kind, key == 0 ? config->runtime : key == 1 ? config->state : ignored);
}

/* "[table]" or "key = value". @param seen which there have been; each may be there once */
static bool read_item(const char **at, const char **table, unsigned *seen, struct config *config) {
  bool opens = **at == '[';
  if (opens) ++*at;
  size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz_"), index = 0, count = opens ? TABLES : KEYS;
  for (; index < count; index++) {
    const char *name = opens ? tables[index] : keys[index].name;
    bool here = opens || strcmp(keys[index].table, *table) == 0;
    if (here && strlen(name) == length && strncmp(name, *at, length) == 0) break;
  }
  unsigned bit = 1U << (opens ? index : index + TABLES);
  if (index == count || (*seen & bit) != 0) return false;
  *seen |= bit;
  *at += length;
  if (opens) {
    *table = tables[index];
    return *(*at)++ == ']';
  }
  skip_blanks(at);
  if (*(*at)++ != '=') return false;
  skip_blanks(at);
  return read_value(at, index, config);
}

bool read_config(struct config *config) {
  static char text[MOST_TEXT + 1];
  const char *named = getenv("INCLAVARE_CONFIG");
  ssize_t length = read_file(named != NULL ? named : "/etc/inclavare-containers/config.toml", text, MOST_TEXT);
  if (length < 0) return named == NULL && errno == ENOENT;
  for (ssize_t i = 0; i < length; i++)
    if (iscntrl((unsigned char)text[i]) && text[i] != '\n' && text[i] != '\t') return false;

  const char *at = text, *table = "";
  unsigned seen = 0;
  for (skip_lines(&at); *at != '\0'; skip_lines(&at)) {
    if (!read_item(&at, &table, &seen, config)) return false;
    skip_blanks(&at);
    if (*at != '\n' && *at != '#' && *at != '\0') return false;
  }
  /* rune takes ".." out of this path as text, the kernel follows links first. */
  return strstr(config->state, "..") == NULL;
}
