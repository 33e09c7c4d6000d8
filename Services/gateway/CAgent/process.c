#define _GNU_SOURCE
#include "CAgent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int argument_count;
static char **arguments;

// glibc gives a constructor what main() gets; Embedded Swift has no other way to them.
__attribute__((constructor)) static void keep_arguments(int count, char **list) {
    argument_count = count;
    arguments = list;
}

static long result(long value) { return value < 0 ? -errno : value; }

int agent_argument_count(void) { return argument_count; }

const char *agent_argument(int index) {
    return index >= 0 && index < argument_count ? arguments[index] : NULL;
}

const char *agent_variable(const char *name) { return getenv(name); }

const char *agent_environment(int index) { return environ[index]; }

void agent_exit(int status) { _exit(status); }

int agent_process_id(void) { return getpid(); }

const char *agent_error_text(int number) { return strerror(number); }

int agent_signal_number(const char *name) {
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known && strcmp(known, name) == 0) return number;
    }
    return 0;
}

int agent_kill(int pid, int signal) { return (int)result(kill(pid, signal)); }

int agent_execve(const char *path, char *const *list, char *const *environment) {
    execve(path, list, environment);
    return -errno;
}

long agent_read(int descriptor, void *bytes, size_t room) {
    ssize_t count;
    do count = read(descriptor, bytes, room);
    while (count < 0 && errno == EINTR);
    return result(count);
}

long agent_write(int descriptor, const void *bytes, size_t length) {
    ssize_t count;
    do count = write(descriptor, bytes, length);
    while (count < 0 && errno == EINTR);
    return result(count);
}

void agent_close(int descriptor) {
    if (descriptor >= 0) close(descriptor);
}

int agent_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -errno;
    return (int)result(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK));
}

void agent_enlarge_pipe(int descriptor) {
    // Refused where it is no pipe, or the user's share is used up: then it stays as it is.
    fcntl(descriptor, F_SETPIPE_SZ, 1 << 20);
}

int agent_has_bytes(int descriptor) {
    int count = 0;
    if (ioctl(descriptor, FIONREAD, &count) == 0 && count > 0) return 1;
    if (!isatty(descriptor)) return 0;
    /* FIONREAD leaves out what the kernel has yet to move from the other side's buffers; poll waits for that work.
       The work may end with a new piece of work, which the next poll waits for. */
    for (int round = 0; round < 3; round++) {
        struct pollfd one = {.fd = descriptor, .events = POLLIN};
        if (poll(&one, 1, 0) == 1 && (one.revents & POLLIN)) return 1;
    }
    return 0;
}

int agent_end_writing(int descriptor) { return (int)result(shutdown(descriptor, SHUT_WR)); }

int agent_is_terminal(int descriptor) { return isatty(descriptor); }

int agent_poller(void) { return (int)result(epoll_create1(EPOLL_CLOEXEC)); }

int agent_watch(int poller, int descriptor, int events, int is_known) {
    struct epoll_event event = {.data.fd = descriptor};
    if (events & 1) event.events |= EPOLLIN;
    if (events & 2) event.events |= EPOLLOUT;
    int operation = events == 0 ? EPOLL_CTL_DEL : is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    return (int)result(epoll_ctl(poller, operation, descriptor, &event));
}

int agent_wait(int poller, struct agent_event *events, int room, int milliseconds) {
    struct epoll_event ready[64];
    int count = epoll_wait(poller, ready, room < 64 ? room : 64, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        events[i].descriptor = ready[i].data.fd;
        events[i].events = 0;
        if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) events[i].events |= 1;
        if (ready[i].events & (EPOLLOUT | EPOLLERR)) events[i].events |= 2;
    }
    return count;
}

int64_t agent_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int agent_signal_descriptor(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    // A program that ends while it is written to is told by the write itself.
    signal(SIGPIPE, SIG_IGN);
    return (int)result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int agent_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int agent_reap(int *kind, int *number) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return 0;
    if (WIFEXITED(status)) {
        *kind = 0;
        *number = WEXITSTATUS(status);
    } else {
        *kind = WCOREDUMP(status) ? 2 : 1;
        *number = WTERMSIG(status);
    }
    return pid;
}

int agent_wait_signal(uint64_t wanted) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (int number = 1; number < 64; number++)
        if (wanted & (1ULL << number)) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number < 0) continue;
        if (number == SIGCHLD)
            while (waitpid(-1, NULL, WNOHANG) > 0) {}
        if (wanted & (1ULL << number)) return number;
    }
}
