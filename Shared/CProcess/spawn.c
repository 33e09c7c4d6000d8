#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The child of vfork shares the caller's memory, and glibc's setuid() would signal the caller's
// other threads: only bare system calls here, and nothing but `failure` and `failed` is written.

// mount_setattr(2): the files below source, with other owners.
static int child_mapped(const struct berth_step *step) {
    int namespace = (int)step->flags;
    int tree = (int)syscall(
        SYS_open_tree, AT_FDCWD, step->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
    );
    if (tree < 0) return errno;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)namespace};
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
        return errno;
    if (syscall(SYS_move_mount, tree, "", AT_FDCWD, step->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return errno;
    syscall(SYS_close, tree);
    return syscall(SYS_fcntl, namespace, F_SETFD, FD_CLOEXEC) < 0 ? errno : 0;
}

static int child_step(const struct berth_step *step) {
    switch (step->kind) {
    case BERTH_STEP_MOUNT:
        return syscall(
                   SYS_mount, step->source, step->target, step->type, step->flags, step->data
               ) < 0 ? errno : 0;
    case BERTH_STEP_UNMOUNT:
        if (syscall(SYS_umount2, step->target, MNT_DETACH) == 0) return 0;
        return errno == EINVAL || errno == ENOENT ? 0 : errno;
    case BERTH_STEP_FOLDER:
        if (syscall(SYS_mkdirat, AT_FDCWD, step->target, step->mode) < 0) return errno;
        if (syscall(SYS_fchownat, AT_FDCWD, step->target, step->user, step->group, 0) < 0)
            return errno;
        // The mask for new files is not to be asked.
        return syscall(SYS_fchmodat, AT_FDCWD, step->target, step->mode) < 0 ? errno : 0;
    case BERTH_STEP_ENTER: return syscall(SYS_chdir, step->target) < 0 ? errno : 0;
    case BERTH_STEP_MAPPED: return child_mapped(step);
    default: return EINVAL;
    }
}

static int child_steps(const struct berth_spawn *spawn, volatile size_t *failed) {
    if (spawn->step_count == 0) return 0;
    if (syscall(SYS_unshare, CLONE_NEWNS) < 0) return errno;
    if (syscall(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return errno;
    for (size_t i = 0; i < spawn->step_count; i++) {
        int error = child_step(&spawn->steps[i]);
        if (!error) continue;
        *failed = i;
        return error;
    }
    return 0;
}

static int child_enter_cgroups(const struct berth_spawn *spawn) {
    for (size_t i = 0; i < spawn->cgroup_count; i++)
        if (syscall(SYS_write, spawn->cgroups[i], "0", 1) < 0) return errno;
    return 0;
}

static int child_limits(const struct berth_spawn *spawn) {
    struct rlimit none = {0, 0};
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
    if (spawn->open_files) {
        struct rlimit now;
        if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &now) < 0) return errno;
        rlim_t wanted = spawn->open_files;
        if (now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max) wanted = now.rlim_max;
        struct rlimit files = {wanted, wanted};
        if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, NULL) < 0) return errno;
    }
    if (spawn->oom_score > 0) {
        char digits[8];
        size_t at = sizeof digits;
        for (int left = spawn->oom_score; left > 0 && at > 0; left /= 10)
            digits[--at] = (char)('0' + left % 10);
        int file = (int)syscall(
            SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0
        );
        if (file >= 0) {
            syscall(SYS_write, file, digits + at, sizeof digits - at);
            syscall(SYS_close, file);
        }
    }
    return 0;
}

static int child_identity(const struct berth_spawn *spawn) {
    if (spawn->user < 0) return 0;
    if (syscall(SYS_setgroups, 0, NULL) < 0) return errno;
    if (syscall(SYS_setresgid, spawn->group, spawn->group, spawn->group) < 0) return errno;
    if (syscall(SYS_setresuid, spawn->user, spawn->user, spawn->user) < 0) return errno;
    return 0;
}

// Lifts every descriptor above the target range first, so that no dup2 overwrites a source.
static int child_descriptors(const struct berth_spawn *spawn, int *lifted) {
    int floor = (int)spawn->descriptor_count;
    for (size_t i = 0; i < spawn->descriptor_count; i++) {
        int source = spawn->descriptors[i];
        if (source < 0)
            lifted[i] = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
        else
            lifted[i] = source;
        if (lifted[i] >= 0 && lifted[i] < floor)
            lifted[i] = (int)syscall(SYS_fcntl, lifted[i], F_DUPFD_CLOEXEC, floor);
        if (lifted[i] < 0) return errno;
    }
    for (size_t i = 0; i < spawn->descriptor_count; i++)
        if (syscall(SYS_dup3, lifted[i], (int)i, 0) < 0) return errno;
    if (syscall(SYS_close_range, floor, ~0U, 0) < 0) return errno;
    return 0;
}

static void child_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
}

enum { most_descriptors = 512 };

int berth_spawn_process(const struct berth_spawn *spawn, pid_t *pid, int *pidfd) {
    if (spawn->descriptor_count > most_descriptors) return EINVAL;
    int lifted[most_descriptors];
    volatile int failure = 0;
    volatile size_t failed = spawn->step_count;
    sigset_t all, before;
    sigfillset(&all);
    // A handler of the caller must not run in the child on the shared memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = vfork();
    if (child == 0) {
        int error = child_enter_cgroups(spawn);
        if (!error) error = child_descriptors(spawn, lifted);
        // Only now: the caller may hold more files than the program may.
        if (!error) error = child_limits(spawn);
        if (!error) error = child_steps(spawn, &failed);
        if (!error) error = child_identity(spawn);
        if (!error) {
            child_signals();
            execve(spawn->path, spawn->arguments, spawn->environment);
            error = errno;
        }
        failure = error;
        _exit(127);
    }
    int error = child < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (spawn->failed_step && failed < spawn->step_count) *spawn->failed_step = failed;
    if (child < 0) return error;
    if (!error) {
        // Not reaped yet, so the number still means this child.
        *pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        if (*pidfd >= 0) {
            *pid = child;
            return 0;
        }
        error = errno;
        kill(child, SIGKILL);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    return error;
}

int berth_reap(int pidfd, int *status) {
    siginfo_t info = {0};
    if (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
        return -errno;
    if (info.si_pid == 0) return 0;
    *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
                                         : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return 1;
}

int berth_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? errno : 0;
}

int berth_exited(int status) { return WIFEXITED(status); }
int berth_exit_status(int status) { return WEXITSTATUS(status); }
int berth_term_signal(int status) { return WTERMSIG(status); }
int berth_core_dumped(int status) { return WCOREDUMP(status) != 0; }
