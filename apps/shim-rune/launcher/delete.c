#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "../../rune/launcher/launcher.h"
#include "launcher.h"

/* Where the low-level runtime keeps its state when the options name no other place. */
#define RUNC_STATE "/run/containerd/runc"
enum { MOST_TEXT = 64 << 10, MOST_MOUNTS = 4 << 20, KILLED = 128 + 9, STAYS_MS = 100 };

/* @returns its text; "" when there is none; NULL when that cannot be told */
static const char *text_of(const char *bundle, const char *name, char *room, size_t most) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%s", bundle, name) >= (int)sizeof path) return NULL;
  ssize_t length = read_file(path, room, most);
  if (length < 0) return errno == ENOENT || errno == ENOTDIR ? "" : NULL;
  return strlen(room) == (size_t)length ? room : NULL;
}

static bool is_gone(const char *path) { return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT; }

/* Whether nothing is mounted at or below the bundle's rootfs. */
static bool is_unmounted(const char *bundle) {
  static char mounts[MOST_MOUNTS + 1];
  char real[PATH_MAX], point[PATH_MAX + 16];
  if (realpath(bundle, real) == NULL) return errno == ENOENT;
  if (strpbrk(real, " \t\n\\") != NULL || read_file("/proc/self/mountinfo", mounts, MOST_MOUNTS) < 0) return false;
  sprintf(point, " %s/rootfs", real);
  for (const char *at = mounts; (at = strstr(at, point)) != NULL; at++) {
    char next = at[strlen(point)];
    if (next == ' ' || next == '/' || next == '\\') return false;
  }
  return true;
}

/* Whether the socket in the bundle's `address` is gone, or in use. */
static bool needs_no_unlink(const char *bundle) {
  char room[MOST_TEXT + 1];
  const char *address = text_of(bundle, "address", room, MOST_TEXT);
  if (address == NULL || *address == '\0') return address != NULL;
  if (strncmp(address, "unix:///", 8) != 0 || strpbrk(address, " \n") != NULL) return false;
  return is_gone(address + 7) || answers(address + 7, STAYS_MS);
}

static bool is_nothing_left(const struct call *call) {
  static struct config config = {.runtime = "runc", .state = "/run/rune"};
  char room[MOST_TEXT + 1], state[PATH_MAX], pid[32];
  const char *options = text_of(call->bundle, "options.json", room, MOST_TEXT);
  if (options == NULL || strstr(options, "root") != NULL || strchr(options, '\\') != NULL) return false;
  /* What was interrupted before the pid was written may have left more behind than a state tells. */
  const char *made = text_of(call->bundle, "init.pid", pid, sizeof pid - 1);
  if (*options != '\0' && (made == NULL || *made == '\0')) return false;
  if (snprintf(state, sizeof state, RUNC_STATE "/%s/%s", call->namespace, call->id) >= (int)sizeof state) return false;
  char *const names[] = {(char *)call->id, NULL};
  return is_gone(state) && read_config(&config) && !keeps_any(config.state, names) && is_unmounted(call->bundle) &&
         needs_no_unlink(call->bundle);
}

static unsigned char *put_varint(unsigned char *at, uint64_t value) {
  for (; value > 0x7f; value >>= 7) *at++ = (unsigned char)(value | 0x80);
  *at++ = (unsigned char)value;
  return at;
}

/* DeleteResponse: pid, status, time. */
static size_t encode_answer(unsigned pid, struct timespec now, unsigned char *room) {
  unsigned char time[32], *end = time, *at = room;
  *end++ = 1 << 3;
  end = put_varint(end, (uint64_t)now.tv_sec);
  *end++ = 2 << 3;
  end = put_varint(end, (uint64_t)now.tv_nsec);
  if (pid != 0) {
    *at++ = 1 << 3;
    at = put_varint(at, pid);
  }
  *at++ = 2 << 3;
  at = put_varint(at, KILLED);
  *at++ = 3 << 3 | 2;
  *at++ = (unsigned char)(end - time);
  memcpy(at, time, (size_t)(end - time));
  return (size_t)(at - room) + (size_t)(end - time);
}

bool delete_nothing(const struct call *call) {
  if (call->bundle[0] != '/' || !is_nothing_left(call)) return false;
  char room[MOST_TEXT + 1];
  const char *text = text_of(call->bundle, "init.pid", room, MOST_TEXT);
  char *end = NULL;
  unsigned long pid = text == NULL ? 0 : strtoul(text, &end, 10);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  unsigned char answer[64];
  size_t size = encode_answer(pid > INT_MAX ? 0 : (unsigned)pid, now, answer);
  return write(STDOUT_FILENO, answer, size) == (ssize_t)size;
}
