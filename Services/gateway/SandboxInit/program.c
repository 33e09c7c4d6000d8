#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *next_string(const char **at, const char *end) {
    const char *text = *at;
    const char *stop = text < end ? memchr(text, 0, (size_t)(end - text)) : NULL;
    if (!stop) return NULL;
    *at = stop + 1;
    return text;
}

static char **string_list(const char **at, const char *end, uint32_t count) {
    if (count > (size_t)(end - *at)) return NULL;
    char **list = calloc((size_t)count + 1, sizeof *list);
    for (uint32_t i = 0; list && i < count; i++) {
        list[i] = (char *)next_string(at, end);
        if (list[i]) continue;
        free(list);
        return NULL;
    }
    return list;
}

int read_program(
    struct program *program, const char *payload, size_t length, const int *fds, size_t count
) {
    *program = (struct program){.master = -1, .streams = {-1, -1, -1}};
    if (length < sizeof *program->start) return EINVAL;
    program->start = (const struct berth_start *)payload;
    if (program->start->has_terminal ? count != 0 : count != 3) return EINVAL;
    for (size_t i = 0; i < count; i++) program->streams[i] = fds[i];
    const char *at = payload + sizeof *program->start, *end = payload + length;
    program->folder = next_string(&at, end);
    program->file = next_string(&at, end);
    program->arguments = string_list(&at, end, program->start->argument_count);
    if (program->arguments)
        program->environment = string_list(&at, end, program->start->environment_count);
    if (!program->environment) return EINVAL;
    return 0;
}

int open_terminal(struct program *program) {
    const struct berth_start *start = program->start;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return errno;
    program->master = master;
    if (grantpt(master) < 0 || unlockpt(master) < 0) return errno;
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return errno;
    program->owns_streams = 1;
    for (int i = 0; i < 3; i++) program->streams[i] = slave;
    if (tcsetattr(slave, TCSANOW, &start->modes) < 0) return errno;
    struct winsize size = {start->rows, start->columns, start->pixel_width, start->pixel_height};
    if (ioctl(master, TIOCSWINSZ, &size) < 0) return errno;
    return 0;
}

void forget_program(struct program *program) {
    free(program->arguments);
    free(program->environment);
    if (program->owns_streams) close(program->streams[0]);
    if (program->master >= 0) close(program->master);
}

static void plain_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
}

_Noreturn void run_program(const struct init *init, const struct program *program) {
    setsid();
    if (program->start->has_terminal) ioctl(program->streams[0], TIOCSCTTY, 0);
    // The sources lie above 3, where the control socket is.
    for (int i = 0; i < 3; i++)
        if (dup2(program->streams[i], i) < 0) _exit(126);
    close_range(3, ~0U, 0);
    if (init->process_limit) {
        struct rlimit processes = {init->process_limit, init->process_limit};
        setrlimit(RLIMIT_NPROC, &processes);
    }
    plain_signals();
    umask(022);
    if (chdir(program->folder) < 0 && chdir("/") < 0) _exit(126);
    execve(program->file, program->arguments, program->environment);
    int error = errno;
    dprintf(2, "%s: %s\n", program->file, strerror(error));
    _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}
