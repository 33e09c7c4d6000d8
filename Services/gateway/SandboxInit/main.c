// The first process of a sandbox: starts programs for the gateway, reports how they ended, reaps
// orphans. When the gateway's socket closes it ends, and the kernel ends the whole pid namespace.
//
// usage: init PROCESSES HOME     (as process 1, the socket as descriptor 3)
//
// It shares a uid with the people's programs, so it makes itself undumpable (no ptrace, no
// /proc/1/mem) and, being process 1, gets no signal from inside the namespace.

#define _GNU_SOURCE
#include "CProcess.h"

#include "tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// Gives the home the files a login shell expects; a home that has them already keeps its own.
static void copy_skeleton(const char *home) {
    DIR *folder = opendir("/etc/skel");
    if (!folder) return;
    int target = open(home, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    struct dirent *entry;
    while (target >= 0 && (entry = readdir(folder))) {
        int from = openat(dirfd(folder), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        struct stat facts;
        if (from >= 0 && fstat(from, &facts) == 0 && S_ISREG(facts.st_mode)) {
            int to = openat(target, entry->d_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
            char buffer[8192];
            ssize_t length;
            while (to >= 0 && (length = read(from, buffer, sizeof buffer)) > 0)
                if (write(to, buffer, (size_t)length) != length) break;
            if (to >= 0) close(to);
        }
        if (from >= 0) close(from);
    }
    if (target >= 0) close(target);
    closedir(folder);
}

static void close_all(const int *descriptors, size_t count) {
    for (size_t i = 0; i < count; i++) close(descriptors[i]);
}

static void serve(struct init *init, const struct berth_message *message, int *fds, size_t count) {
    switch (message->kind) {
    case BERTH_START:
        start_program(init, message->id, fds, count);
        break;
    case BERTH_SIGNAL:
        signal_task(init, message->id, message->value);
        break;
    case BERTH_PUT_FILE:
        start_job(init, message->id, fds, count, put_file);
        break;
    case BERTH_DIAL:
        start_job(init, message->id, fds, count, dial);
        break;
    case BERTH_LISTEN:
        start_job(init, message->id, fds, count, listen_at);
        break;
    case BERTH_REMOVE:
        start_job(init, message->id, fds, count, remove_socket);
        break;
    default:
        break;
    }
    close_all(fds, count);
}

static void drain_socket(struct init *init) {
    for (;;) {
        struct berth_message message;
        int fds[BERTH_MAX_DESCRIPTORS];
        size_t count;
        int result = berth_receive(init->socket, &message, fds, &count);
        if (result == 1)
            serve(init, &message, fds, count);
        else if (result == -EAGAIN)
            return;
        else if (result != -EBADMSG)
            exit(0);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    prctl(PR_SET_DUMPABLE, 0);
    struct init init = {.socket = 3, .process_limit = strtoul(argv[1], NULL, 10), .home = argv[2]};

    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return 1;
    copy_skeleton(init.home);

    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0 || fcntl(init.socket, F_SETFD, FD_CLOEXEC) < 0) return 1;

    report(&init, BERTH_READY, 0, 0, NULL, 0);
    // Whatever bubblewrap and this program had to complain about has been said by now.
    for (int i = 0; i < 3; i++) dup2(null, i);

    struct pollfd watched[2] = {{init.socket, POLLIN, 0}, {signals, POLLIN, 0}};
    for (;;) {
        if (poll(watched, 2, -1) < 0 && errno != EINTR) return 1;
        if (watched[1].revents) {
            struct signalfd_siginfo info[8];
            while (read(signals, info, sizeof info) > 0) {}
            reap_tasks(&init);
        }
        if (watched[0].revents) drain_socket(&init);
    }
}
