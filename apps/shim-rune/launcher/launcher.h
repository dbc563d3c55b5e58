/* What the parts of the launcher share. */
#pragma once
#include <stdbool.h>

/* The command line, as far as it is known here. */
struct call {
  const char *namespace, *address, *id, *bundle, *action;
  bool debug;
};

/* Where this installation's Node.js and the shim lie. */
struct program {
  const char *node, *script;
};

/* Whether a word can be part of a path as it is. */
bool is_name(const char *word);

/* Whether somebody listens at a socket, or may. @param stays_ms for how long a connection must stay open: a dying shim's ends */
bool answers(const char *path, int stays_ms);

/*
 * `start`, where nothing about it needs a second look.
 * @returns whether the answer is printed; if not, everything is as before, and standard input can be read again
 */
bool start_shim(const struct call *call, struct program program);

/*
 * Becomes a program that dies with its parent, which Node.js cannot ask for: what the low-level runtime makes after its shim
 * has been killed would be nobody's. @param words the parent's pid, then the command line. @returns the status of a failure
 */
int run_tied(char *const *words);

/* `delete`, where nothing is left to delete. @returns whether the answer is printed */
bool delete_nothing(const struct call *call);
