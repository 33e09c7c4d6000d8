#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(pid_t child, const char *name, uint32_t first, uint32_t count) {
    char path[64], line[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)child, name);
    int length = snprintf(line, sizeof line, "0 %u %u\n", first, count);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    int error = write(file, line, (size_t)length) == length ? 0 : errno;
    close(file);
    return error;
}

static int hold_namespace(pid_t child, uint32_t first, uint32_t count) {
    int error = write_map(child, "uid_map", first, count);
    if (!error) error = write_map(child, "gid_map", first, count);
    if (error) return -error;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
    int held = open(path, O_RDONLY | O_CLOEXEC);
    return held < 0 ? -errno : held;
}

int berth_user_namespace(uint32_t first, uint32_t count) {
    sigset_t all, before;
    sigfillset(&all);
    // No handler of the caller is to run in the child.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // As fork(2), in a user namespace of its own.
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        while (1) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return -error;
    int held = hold_namespace(child, first, count);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    return held;
}
