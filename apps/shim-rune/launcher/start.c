#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "../../rune/launcher/launcher.h"
#include "launcher.h"
#include "sha256.h"

#define SOCKETS "/run/containerd/s"
enum { MOST_CONFIG = 4 << 20, LISTENER = 3, BACKLOG = 128, MOST_OOM_SCORE = 1000 };

/* Nothing on standard input? What is there stays readable. */
static bool has_no_input(void) {
  char room[4096];
  ssize_t count = read(STDIN_FILENO, room, sizeof room);
  if (count == 0) return true;
  int copy = count < 0 ? -1 : memfd_create("input", MFD_CLOEXEC);
  if (copy < 0) return false;
  for (; count > 0; count = read(STDIN_FILENO, room, sizeof room))
    if (write(copy, room, (size_t)count) != count) break;
  if (lseek(copy, 0, SEEK_SET) == 0) dup2(copy, STDIN_FILENO);
  close(copy);
  return false;
}

/* Whether an escape sequence stands for a character that names of annotations have. */
static bool hides_names(const char *text) {
  for (const char *at = text; (at = strstr(at, "\\u")) != NULL; at++) {
    char digits[5] = "";
    if (strspn(at + 2, "0123456789abcdefABCDEF") < 4) return true;
    memcpy(digits, at + 2, 4);
    unsigned long code = strtoul(digits, NULL, 16);
    if (code == '.' || code == '-' || (code < 0x80 && isalnum((int)code))) return true;
  }
  return false;
}

enum found { ABSENT, FOUND, DOUBTFUL };

/* The value of an annotation, if its name stands in the text only once, as a key, with a simple word behind it. */
static enum found find_annotation(const char *text, const char *name, char *value) {
  const char *at = strstr(text, name);
  if (at == NULL) return ABSENT;
  const char *end = at + strlen(name);
  if (at - text < 2 || at[-1] != '"' || at[-2] == '\\' || *end != '"' || strstr(end, name) != NULL) return DOUBTFUL;
  end += 1 + strspn(end + 1, " \t\r\n");
  if (*end != ':') return DOUBTFUL;
  end += 1 + strspn(end + 1, " \t\r\n");
  size_t length = *end == '"' ? strcspn(end + 1, "\"\\") : 0;
  if (length == 0 || length >= NAME_MAX || end[1 + length] != '"') return DOUBTFUL;
  memcpy(value, end + 1, length);
  value[length] = '\0';
  return is_name(value) ? FOUND : DOUBTFUL;
}

/* With whom the container shares its shim; src/command/socket-address.ts has the rule. */
static bool find_group(const char *id, char *group) {
  static char text[MOST_CONFIG + 1];
  ssize_t length = read_file("config.json", text, MOST_CONFIG);
  if (length < 2 || text[0] != '{' || strlen(text) != (size_t)length || hides_names(text)) return false;
  enum found found = find_annotation(text, "io.containerd.runc.v2.group", group);
  if (found == ABSENT) found = find_annotation(text, "io.kubernetes.cri.sandbox-id", group);
  if (found == ABSENT) strcpy(group, id);
  return found != DOUBTFUL;
}

static bool find_socket(const struct call *call, char *path) {
  char group[NAME_MAX + 1], words[PATH_MAX], name[65];
  const char *address = call->address;
  size_t length = strlen(address);
  bool is_clean = address[0] == '/' && length > 1 && address[length - 1] != '/' && strstr(address, "//") == NULL &&
                  strstr(address, "/.") == NULL;
  if (!is_clean || !find_group(call->id, group)) return false;
  int size = snprintf(words, sizeof words, "%s/%s/%s/rune", address, call->namespace, group);
  if (size >= (int)sizeof words) return false;
  sha256_hex(words, (size_t)size, name);
  sprintf(path, SOCKETS "/%s", name);
  return true;
}

/* A socket that is listened at, under a name that nobody knows. */
static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && chmod(path, 0600) == 0 &&
      listen(fd, BACKLOG) == 0)
    return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* @returns the listening socket, or -1; `joins` when somebody else listens there */
static int claim_socket(const char *path, bool *joins) {
  char temporary[sizeof SOCKETS + 32];
  mkdir("/run/containerd", 0711);
  mkdir(SOCKETS, 0700);
  sprintf(temporary, SOCKETS "/.%d", getpid());
  int fd = listen_at(temporary);
  if (fd < 0) return -1;
  for (int attempt = 0; link(temporary, path) != 0; attempt++) {
    *joins = errno == EEXIST && answers(path, 0);
    if (errno != EEXIST || *joins || attempt > 2) {
      close(fd);
      fd = -1;
      break;
    }
    unlink(path); /* of a shim that was killed */
  }
  unlink(temporary);
  return fd;
}

/* Whoever reads it sees all of it or nothing. */
static bool write_address(const char *path) {
  char temporary[64];
  sprintf(temporary, ".address-%d", getpid());
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool done = fd >= 0 && dprintf(fd, "unix://%s", path) > 0;
  if (fd >= 0) close(fd);
  if (done && rename(temporary, "address") == 0) return true;
  unlink(temporary);
  return false;
}

/* Becomes the daemon. @returns only with an error */
static void become_daemon(int listener, const struct call *call, struct program program) {
  static const char *const foreign[] = {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NODE_OPTIONS", NULL};
  for (const char *const *name = foreign; *name != NULL; name++) unsetenv(*name);
  setsid();
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  int log = open("log", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(log < 0 ? nothing : log, 2) < 0) return;
  if (listener == LISTENER ? fcntl(listener, F_SETFD, 0) < 0 : dup2(listener, LISTENER) < 0) return;
  close_range(LISTENER + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  /* DAEMON_FLAGS of src/command/start.ts. */
  const char *words[] = {program.node, "--disable-warning=ExperimentalWarning", "--expose-gc", "--max-semi-space-size=1",
                         "--single-threaded", "--v8-pool-size=0", program.script,
                         "-namespace", call->namespace, "-id", call->id, "-address", call->address,
                         call->debug ? "-debug" : NULL, NULL};
  execv(program.node, (char **)words);
}

/* The daemon goes before containerd when memory is short; it is no error if the kernel refuses. */
static void raise_oom_score(pid_t pid) {
  char path[64], text[16] = "";
  sprintf(path, "/proc/%d/oom_score_adj", getppid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  int score = count > 0 ? atoi(text) + 1 : 0;
  sprintf(path, "/proc/%d/oom_score_adj", pid);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  dprintf(fd, "%d", score > MOST_OOM_SCORE ? MOST_OOM_SCORE : score);
  close(fd);
}

/* @returns whether the daemon runs */
static bool spawn_daemon(int listener, const struct call *call, struct program program) {
  int failure[2], error = 0;
  if (pipe2(failure, O_CLOEXEC) != 0) return false;
  /* Out of the way of the daemon's first descriptors. */
  int end = fcntl(failure[1], F_DUPFD_CLOEXEC, LISTENER + 1);
  close(failure[1]);
  pid_t pid = end < 0 ? -1 : fork();
  if (pid == 0) {
    become_daemon(listener, call, program);
    error = errno;
    _exit(write(end, &error, sizeof error) == sizeof error ? 1 : 2);
  }
  if (end >= 0) close(end);
  bool runs = pid > 0 && read(failure[0], &error, sizeof error) == 0;
  close(failure[0]);
  if (runs) raise_oom_score(pid);
  return runs;
}

bool start_shim(const struct call *call, struct program program) {
  char path[sizeof SOCKETS + 65];
  if (!has_no_input() || getenv("SCHED_CORE") != NULL || !find_socket(call, path)) return false;
  bool joins = false;
  int listener = claim_socket(path, &joins);
  if (listener < 0 && !joins) return false;
  bool done = write_address(path) && (joins || spawn_daemon(listener, call, program));
  if (done) {
    printf("unix://%s", path);
    done = fflush(stdout) == 0;
  } else if (!joins) unlink(path);
  if (listener >= 0) close(listener);
  return done;
}
