#pragma once

#include "SandboxProtocol.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    BERTH_STEP_MOUNT = 1,   // mount(2) with source, target, type, flags and data
    BERTH_STEP_UNMOUNT = 2, // target, lazily; one that is not mounted is fine
    BERTH_STEP_FOLDER = 3,  // makes the folder target with mode, user and group
    BERTH_STEP_ENTER = 4,   // goes to target: later paths may be relative to it
    BERTH_STEP_MAPPED = 5,  // binds source at target with the ids of the user namespace in the
                            // child's descriptor `flags`, which its program does not get
};

// What a child does in a mount namespace of its own before it becomes its program.
struct berth_step {
    int kind;
    const char *_Nullable source;
    const char *_Nullable target;
    const char *_Nullable type;
    unsigned long flags;
    const char *_Nullable data;
    uint32_t mode;
    uint32_t user;
    uint32_t group;
};

// A program to start with exactly the descriptors named here.
struct berth_spawn {
    // Absolute path of the executable.
    const char *_Nullable path;
    char *_Nullable const *_Nullable arguments;
    char *_Nullable const *_Nullable environment;
    // descriptors[i] becomes descriptor i of the child; -1 gives /dev/null. No other is inherited.
    const int *_Nullable descriptors;
    size_t descriptor_count;
    // Open `cgroup.procs` or `tasks` files; the child enters each before anything else.
    const int *_Nullable cgroups;
    size_t cgroup_count;
    // Taken on after the cgroups were entered, supplementary groups dropped; unless -1.
    int64_t user;
    int64_t group;
    // Added to the chance of being chosen when memory runs out, 0...1000 (proc(5), oom_score_adj).
    int oom_score;
    // Upper limit of open files, 0 leaves it as it is.
    uint64_t open_files;
    // With any, the child gets a mount namespace whose mounts nobody else sees, which vanish with
    // its last process.
    const struct berth_step *_Nullable steps;
    size_t step_count;
    // Set to the number of the step that failed, if one did.
    size_t *_Nullable failed_step;
};

// A user namespace in which 0 and the `count` ids from it on are the ids from `first` on out here:
// a descriptor of it (close-on-exec), else a negative errno value.
int berth_user_namespace(uint32_t first, uint32_t count);

// Starts it without copying the caller's memory: the calling thread waits until the program runs.
// Signals are unblocked and set to their defaults in the child.
//
// Returns 0 and sets `pid` and `pidfd` (close-on-exec; readable once the child ended, see
// pidfd_open(2)), else an errno value. The caller reaps.
int berth_spawn_process(
    const struct berth_spawn *_Nonnull spawn, pid_t *_Nonnull pid, int *_Nonnull pidfd
);

// Takes the ended child's wait status without waiting: 1 and `status`, 0 while it runs, or -errno.
int berth_reap(int pidfd, int *_Nonnull status);

// Sends a signal to the process behind a pidfd: 0 or an errno value.
int berth_pidfd_signal(int pidfd, int signal);

// Makes a connected pair of close-on-exec SOCK_SEQPACKET sockets, the first one non-blocking.
int berth_socketpair(int *_Nonnull mine, int *_Nonnull theirs);

// Sends one message with up to BERTH_MAX_DESCRIPTORS descriptors, never waiting: 0 or errno.
int berth_send(
    int socket, const struct berth_message *_Nonnull message, const int *_Nullable descriptors,
    size_t count
);

// Receives one message without waiting. Returns 1 when there was one, 0 at the end of the stream,
// or -errno (-EAGAIN: nothing there yet; -EBADMSG: a packet of another shape, its descriptors
// closed). `count` is the number of descriptors received, close-on-exec, owned by the caller.
int berth_receive(
    int socket, struct berth_message *_Nonnull message, int *_Nonnull descriptors,
    size_t *_Nonnull count
);

// A close-on-exec memory file holding `length` bytes, its offset at 0: descriptor or -errno.
int berth_memory_file(const char *_Nonnull name, const void *_Nullable bytes, size_t length);

// A new open file of the same file, for reading, with an offset of its own: descriptor or -errno.
int berth_reopen(int descriptor);

// Sets a terminal's size through its master: 0 or errno.
int berth_resize(
    int terminal, uint16_t rows, uint16_t columns, uint16_t pixel_width, uint16_t pixel_height
);

// What a break on the line does to a terminal, given its master (termios(3), BRKINT): 0 or errno.
int berth_break(int terminal);

// Whether a terminal, given its master, shows nothing of what is typed: it gathers lines, and echo
// is off. Programs that read key by key show by themselves what they like. 1 too when it is gone.
int berth_hides_input(int terminal);

// A pipe with both ends close-on-exec and room for `capacity` bytes where the kernel allows.
int berth_pipe(int *_Nonnull reader, int *_Nonnull writer, int capacity);

// wait(2)'s macros.
int berth_exited(int status);
int berth_exit_status(int status);
int berth_term_signal(int status);
int berth_core_dumped(int status);

// The file or folder at `path`, only to be mounted from (open(2), O_PATH): descriptor or -errno.
int berth_location(const char *_Nonnull path);

// epoll(7) and eventfd(2), level-triggered. Each returns 0 or more, or -errno.
int berth_epoll_create(void);
// For reading, or with `writable` for writing.
int berth_epoll_add(int epoll, int descriptor, uint64_t token, int writable);
int berth_epoll_remove(int epoll, int descriptor);
// Waits without a limit; fills `tokens` and returns how many are ready.
int berth_epoll_wait(int epoll, uint64_t *_Nonnull tokens, int room);
int berth_bell_create(void);
int berth_bell_ring(int bell);
int berth_bell_quiet(int bell);
