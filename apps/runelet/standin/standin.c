/*
 * The exec stand-in: what `runc exec` starts in an enclave container. The process itself runs in the enclave; this one
 * has its pid on the host, its descriptors and its signals, and ends with its exit value.
 *
 *   standin FD [keep-terminal]
 *
 * FD is a connected stream socket to init-runelet, which has accepted the `exec` request on it. A controlling terminal is
 * given up, so that a process of the enclave runtime can take it; with `keep-terminal` it stays here, and the keys that
 * raise signals reach a process that has no session of its own, because this one forwards them.
 *
 * Protocol: one byte 'F' with descriptors 0, 1, 2 and the read end of a pipe whose write end nobody else has (SCM_RIGHTS);
 * then one byte for each signal to forward; one byte comes back, the exit value. If the socket closes before it,
 * something in the enclave broke: status 255. The pipe's end is this process's end: a foreground `runc exec` has FD as
 * well, and waits for whoever has its pipes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BROKEN = 255, HANDOVER = 'F' };

static void say(const char *text) {
  ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  (void)ignored;
}

static int fail(const char *text) {
  say("rune exec: ");
  say(text);
  say("\n");
  return BROKEN;
}

/* The enclave's process may want this terminal as its own; SIGHUP comes to whoever gives one up as session leader. */
static void give_up_terminal(void) {
  signal(SIGHUP, SIG_IGN);
  int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) return;
  ioctl(terminal, TIOCNOTTY);
  close(terminal);
}

/* Everything but the reports of our own faults: those must still end us. */
static int catch_signals(void) {
  sigset_t set;
  sigfillset(&set);
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGCHLD};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&set, faults[i]);
  if (sigprocmask(SIG_SETMASK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int hand_over(int socket) {
  int life[2];
  if (pipe2(life, O_CLOEXEC) != 0) return -1;
  char byte = HANDOVER;
  int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, life[0]};
  union { char bytes[CMSG_SPACE(sizeof descriptors)]; struct cmsghdr align; } control;
  memset(&control, 0, sizeof control);
  struct iovec vector = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
  close(life[0]);
  return sent == 1 ? 0 : -1;
}

/* A peer that is gone shows in the next read of the socket. */
static void forward_signals(int signals, int socket) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    unsigned char number = (unsigned char)info.ssi_signo;
    ssize_t sent;
    do sent = send(socket, &number, 1, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
  }
}

/* @returns the exit value, or -1 when there is none to come */
static int read_exit_value(int socket) {
  unsigned char value;
  ssize_t count;
  do count = recv(socket, &value, 1, 0); while (count < 0 && errno == EINTR);
  return count == 1 ? value : -1;
}

int main(int argc, char **argv) {
  char *end = NULL;
  int keep_terminal = argc == 3 && strcmp(argv[2], "keep-terminal") == 0;
  long number = argc == 2 || keep_terminal ? strtol(argv[1], &end, 10) : -1;
  if (number < 3 || number > 1 << 20 || *end != '\0') return fail("expected the number of a connected socket, from 3 on");
  int socket = (int)number;
  if (fcntl(socket, F_SETFD, FD_CLOEXEC) != 0) return fail("the descriptor is not open");

  /* First, while SIGHUP is not blocked: a blocked signal is kept even if it is ignored, and would be forwarded. */
  if (!keep_terminal) give_up_terminal();
  int signals = catch_signals();
  if (signals < 0) return fail("signals cannot be caught");
  if (hand_over(socket) != 0) return fail("init-runelet does not take the descriptors");

  struct pollfd both[] = {{.fd = signals, .events = POLLIN}, {.fd = socket, .events = POLLIN}};
  for (;;) {
    if (poll(both, 2, -1) < 0 && errno != EINTR) return fail("poll failed");
    if (both[0].revents & POLLIN) forward_signals(signals, socket);
    if (both[1].revents == 0) continue;
    int value = read_exit_value(socket);
    return value >= 0 ? value : fail("init-runelet closed the connection: the enclave is gone");
  }
}
