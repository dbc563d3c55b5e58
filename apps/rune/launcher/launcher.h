/* What the launcher's two halves share. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct config {
  /* A name that is looked up in PATH, or a path. */
  char runtime[PATH_MAX];
  /* Folder of what rune knows about enclave containers. */
  char state[PATH_MAX];
  bool require_enclave;
};

/* A regular file of less than `most` bytes, with a NUL behind its end. @returns its length, or -1 with errno */
ssize_t read_file(const char *path, char *room, size_t most);

/* @returns whether the operator's configuration is surely what `config` says now */
bool read_config(struct config *config);

/* Whether rune keeps a folder of one of these names, under whatever root. @param names NULL: of any name */
bool keeps_any(const char *state, char *const *names);
