#pragma once

// The system calls of the agent, in the shape in which Embedded Swift can use them.
//
// Functions that can fail return 0 or more, or -errno, unless said otherwise. Paths and names are
// NUL-terminated. Descriptors are close-on-exec.

#include "CAgentFiles.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Process

int agent_argument_count(void);
const char *_Nullable agent_argument(int index);
// The variable's value, or NULL.
const char *_Nullable agent_variable(const char *_Nonnull name);
// The process's own variables, `NAME=VALUE`; NULL after the last.
const char *_Nullable agent_environment(int index);
_Noreturn void agent_exit(int status);
int agent_process_id(void);
const char *_Nonnull agent_error_text(int number);
// The signal's number by its name without `SIG`, or 0.
int agent_signal_number(const char *_Nonnull name);
int agent_kill(int pid, int signal);
// Replaces the process; returns -errno when it could not.
int agent_execve(
    const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
    char *_Nullable const *_Nonnull environment
);

// MARK: Descriptors

long agent_read(int descriptor, void *_Nonnull bytes, size_t room);
long agent_write(int descriptor, const void *_Nonnull bytes, size_t count);
void agent_close(int descriptor);
int agent_set_nonblocking(int descriptor);
// Gives a pipe as much room as anybody may have.
void agent_enlarge_pipe(int descriptor);
// Whether something can be read, where not, a descriptor that is readable has ended.
int agent_has_bytes(int descriptor);
// Ends the writing direction of a socket.
int agent_end_writing(int descriptor);
int agent_is_terminal(int descriptor);
// Closes this descriptor and all above it.
void agent_close_from(int first);

// MARK: Waiting

int agent_poller(void);
// Watches a descriptor for the events 1 (readable) and 2 (writable); 0 stops watching.
int agent_watch(int poller, int descriptor, int events, int is_known);
struct agent_event {
    int descriptor;
    int events; // 1 readable or ended, 2 writable
};
// Waits `milliseconds`, -1 for ever; returns how many events there are.
int agent_wait(int poller, struct agent_event *_Nonnull events, int room, int milliseconds);
int64_t agent_milliseconds(void);

// As many descriptors as the hard limit allows; programs get back what was.
void agent_raise_limits(void);
// Keeps programs of the agent's own user from its descriptors and memory (ptrace(2), "access mode
// checking"); programs themselves are as usual once they run.
void agent_hide(void);
// Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP and makes them readable: descriptor.
int agent_signal_descriptor(void);
// The next signal's number, 0 when there is none.
int agent_next_signal(int descriptor);
// One ended child: its id, with `kind` and `number` as EXITED has them; 0 when there is none.
int agent_reap(int *_Nonnull kind, int *_Nonnull number);
// Blocks until one of the signals of the set (bit N is signal N) has arrived; returns its number.
// Reaps children meanwhile.
int agent_wait_signal(uint64_t set);

// MARK: Programs

struct agent_start {
    const char *_Nullable folder;
    // As given; searched in `search_path` without a slash.
    const char *_Nonnull program;
    const char *_Nonnull search_path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    int has_terminal;
    uint32_t columns, rows, pixel_width, pixel_height;
    // RFC 4254 §8.
    const uint8_t *_Nullable modes;
    size_t modes_length;
};
struct agent_program {
    int pid;
    // Three pipes' near ends; with a terminal `input` and `output` are the same master.
    int input, output, errors;
};
// Starts a program in a session and process group of its own; returns once it runs.
int agent_start_program(const struct agent_start *_Nonnull start, struct agent_program *_Nonnull program);
int agent_resize(
    int terminal, uint32_t columns, uint32_t rows, uint32_t pixel_width, uint32_t pixel_height
);

// What a broken line does to a terminal, given its master (BRKINT and IGNBRK of termios(3)): 0 or -errno.
int agent_break(int terminal);

// Whether a terminal, given its master, gathers lines and echoes nothing; 1 too when it is gone.
int agent_hides_input(int terminal);

// MARK: Files

// A file to be written, of this mode, with its parents: descriptor. `temporary` becomes the name of a
// new file that is to be renamed to `place`, or empty where the file itself is written. `place` has
// room for 4096 bytes, `temporary` for 32 more.
int agent_create(
    const char *_Nonnull path, char *_Nonnull place, char *_Nonnull temporary, uint32_t mode
);
int agent_rename(const char *_Nonnull from, const char *_Nonnull to);
int agent_remove(const char *_Nonnull path);

// MARK: Sockets

// Starts connecting in a process of its own, name look-up included: a descriptor that gets
// readable when it is decided; agent_dialed tells.
int agent_dial(
    int family, const char *_Nonnull host, uint16_t port, uint32_t milliseconds, int *_Nonnull pid
);
// The connected socket, non-blocking; -EAGAIN as long as it is not decided, or another -errno.
int agent_dialed(int pending);
// Connects to a Unix socket without waiting: a socket that does not block.
int agent_connect(const char *_Nonnull path);
// A listening, non-blocking socket; `port` is replaced by the one bound.
int agent_listen(
    int family, const char *_Nonnull host, uint16_t *_Nonnull port, uint32_t mode
);
// The next connection, non-blocking; -EAGAIN without one. `host` gets at most 64 bytes.
int agent_accept(int listener, char *_Nonnull host, uint16_t *_Nonnull port);
