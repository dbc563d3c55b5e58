#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "launcher.h"

enum { MOST_ROOTS = 256 };

bool keeps_any(const char *state, char *const *names) {
  DIR *roots = opendir(state);
  if (roots == NULL) return errno != ENOENT;
  bool found = false;
  int count = 0;
  errno = 0;
  for (struct dirent *root; !found && (root = readdir(roots)) != NULL; errno = 0) {
    if (root->d_name[0] == '.') continue;
    found = names == NULL || ++count > MOST_ROOTS;
    for (char *const *name = names; !found && *name != NULL; name++) {
      char path[PATH_MAX];
      if (**name == '\0' || strchr(*name, '/') != NULL || strlen(*name) > NAME_MAX) continue;
      int length = snprintf(path, sizeof path, "%s/%s/%s", state, root->d_name, *name);
      found = length < 0 || (size_t)length >= sizeof path || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
  }
  found = found || errno != 0;
  closedir(roots);
  return found;
}
