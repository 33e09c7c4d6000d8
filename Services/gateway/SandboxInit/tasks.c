#define _GNU_SOURCE
#include "tasks.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

void report(
    const struct init *init, uint32_t kind, uint32_t id, int value, const int *fds, size_t count
) {
    struct berth_message message = {kind, id, value, 0};
    // Without its gateway a sandbox has no reason to be.
    if (berth_send(init->socket, &message, fds, count)) exit(0);
}

static int remember(struct init *init, pid_t pid, uint32_t id, int is_job) {
    if (init->task_count == init->task_room) {
        size_t room = init->task_room ? init->task_room * 2 : 16;
        struct task *more = realloc(init->tasks, room * sizeof *more);
        if (!more) return ENOMEM;
        init->tasks = more;
        init->task_room = room;
    }
    init->tasks[init->task_count++] = (struct task){pid, id, is_job};
    return 0;
}

static int map_payload(int file, const char **bytes, size_t *length) {
    struct stat facts;
    if (fstat(file, &facts) < 0) return errno;
    if (facts.st_size <= 0) return EINVAL;
    void *mapped = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapped == MAP_FAILED) return errno;
    *bytes = mapped;
    *length = (size_t)facts.st_size;
    return 0;
}

static pid_t adopt(struct init *init, pid_t pid, uint32_t id, int is_job) {
    if (pid > 0 && remember(init, pid, id, is_job)) {
        kill(pid, SIGKILL);
        errno = ENOMEM;
        return -1;
    }
    return pid;
}

void start_program(struct init *init, uint32_t id, const int *fds, size_t count) {
    const char *payload = NULL;
    size_t length = 0;
    struct program program = {.master = -1};
    int error = count > 0 ? map_payload(fds[0], &payload, &length) : EINVAL;
    if (!error) error = read_program(&program, payload, length, fds + 1, count - 1);
    if (!error && program.start->has_terminal) error = open_terminal(&program);
    if (!error) {
        pid_t pid = fork();
        if (pid == 0) run_program(init, &program);
        if (adopt(init, pid, id, 0) < 0) error = errno;
    }
    if (!error && program.master >= 0)
        report(init, BERTH_STARTED, id, 0, &program.master, 1);
    else
        report(init, BERTH_STARTED, id, error, NULL, 0);
    if (payload) forget_program(&program);
    if (payload) munmap((void *)payload, length);
}

void start_job(struct init *init, uint32_t id, const int *fds, size_t count, job *work) {
    const char *payload = NULL;
    size_t length = 0;
    int error = count > 0 ? map_payload(fds[0], &payload, &length) : EINVAL;
    if (!error) {
        pid_t pid = fork();
        if (pid == 0) _exit(work(init, id, payload, length));
        if (adopt(init, pid, id, 1) < 0) error = errno;
    }
    if (payload) munmap((void *)payload, length);
    if (error) report(init, BERTH_DONE, id, error, NULL, 0);
}

void signal_task(struct init *init, uint32_t id, int number) {
    for (size_t i = 0; i < init->task_count; i++) {
        if (init->tasks[i].id != id) continue;
        // The child leads its own session; until it has said so the group does not exist.
        if (kill(-init->tasks[i].pid, number) < 0) kill(init->tasks[i].pid, number);
        return;
    }
}

static void ended(struct init *init, pid_t pid, int status) {
    for (size_t i = 0; i < init->task_count; i++) {
        struct task task = init->tasks[i];
        if (task.pid != pid) continue;
        init->tasks[i] = init->tasks[--init->task_count];
        if (!task.is_job)
            report(init, BERTH_EXITED, task.id, status, NULL, 0);
        else
            report(init, BERTH_DONE, task.id, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, NULL, 0);
        return;
    }
}

void reap_tasks(struct init *init) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) ended(init, pid, status);
}
