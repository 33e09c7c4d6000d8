#define _GNU_SOURCE
#include "CAgent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// MARK: Terminal modes (RFC 4254 §8)

struct flag { uint8_t opcode; tcflag_t bit; };

static const struct { uint8_t opcode; int index; } characters[] = {
    {1, VINTR}, {2, VQUIT}, {3, VERASE}, {4, VKILL}, {5, VEOF}, {6, VEOL}, {7, VEOL2},
    {8, VSTART}, {9, VSTOP}, {10, VSUSP}, {12, VREPRINT}, {13, VWERASE}, {14, VLNEXT},
    {18, VDISCARD},
};
static const struct flag input_flags[] = {
    {30, IGNPAR}, {31, PARMRK}, {32, INPCK}, {33, ISTRIP}, {34, INLCR}, {35, IGNCR}, {36, ICRNL},
    {37, IUCLC}, {38, IXON}, {39, IXANY}, {40, IXOFF}, {41, IMAXBEL}, {42, IUTF8},
};
static const struct flag local_flags[] = {
    {50, ISIG}, {51, ICANON}, {52, XCASE}, {53, ECHO}, {54, ECHOE}, {55, ECHOK}, {56, ECHONL},
    {57, NOFLSH}, {58, TOSTOP}, {59, IEXTEN}, {60, ECHOCTL}, {61, ECHOKE}, {62, PENDIN},
};
static const struct flag output_flags[] = {
    {70, OPOST}, {71, OLCUC}, {72, ONLCR}, {73, OCRNL}, {74, ONOCR}, {75, ONLRET},
};
static const struct flag control_flags[] = {{92, PARENB}, {93, PARODD}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void set_flag(
    const struct flag *list, size_t count, uint8_t opcode, uint32_t value, tcflag_t *flags
) {
    for (size_t i = 0; i < count; i++)
        if (list[i].opcode == opcode) *flags = value ? *flags | list[i].bit : *flags & ~list[i].bit;
}

static void set_mode(struct termios *modes, uint8_t opcode, uint32_t value) {
    for (size_t i = 0; i < COUNT(characters); i++)
        if (characters[i].opcode == opcode)
            modes->c_cc[characters[i].index] = value == 255 ? _POSIX_VDISABLE : (cc_t)value;
    set_flag(input_flags, COUNT(input_flags), opcode, value, &modes->c_iflag);
    set_flag(local_flags, COUNT(local_flags), opcode, value, &modes->c_lflag);
    set_flag(output_flags, COUNT(output_flags), opcode, value, &modes->c_oflag);
    set_flag(control_flags, COUNT(control_flags), opcode, value, &modes->c_cflag);
    if ((opcode == 90 || opcode == 91) && value) {
        modes->c_cflag &= ~(tcflag_t)CSIZE;
        modes->c_cflag |= opcode == 90 ? CS7 : CS8;
    }
}

static void apply_modes(int terminal, const uint8_t *bytes, size_t length) {
    struct termios modes;
    if (!bytes || tcgetattr(terminal, &modes) < 0) return;
    // 0 ends the list, and so do opcodes from 160 on, whose arguments have another shape.
    for (size_t at = 0; at + 5 <= length && bytes[at] != 0 && bytes[at] < 160; at += 5) {
        uint32_t value = (uint32_t)bytes[at + 1] << 24 | (uint32_t)bytes[at + 2] << 16 |
                         (uint32_t)bytes[at + 3] << 8 | bytes[at + 4];
        set_mode(&modes, bytes[at], value);
    }
    tcsetattr(terminal, TCSANOW, &modes);
}

int agent_resize(
    int terminal, uint32_t columns, uint32_t rows, uint32_t pixel_width, uint32_t pixel_height
) {
    struct winsize size = {
        (unsigned short)rows, (unsigned short)columns, (unsigned short)pixel_width,
        (unsigned short)pixel_height,
    };
    return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int agent_break(int terminal) {
    struct termios modes;
    if (tcgetattr(terminal, &modes) < 0) return -errno;
    if (modes.c_iflag & IGNBRK) return 0;
    // The signal goes to the foreground processes (ioctl_tty(2), TIOCSIG); else it reads as a NUL.
    if (modes.c_iflag & BRKINT) return ioctl(terminal, TIOCSIG, SIGINT) < 0 ? -errno : 0;
    return write(terminal, "", 1) < 0 ? -errno : 0;
}

int agent_hides_input(int terminal) {
    struct termios modes;
    if (tcgetattr(terminal, &modes) < 0) return 1;
    return (modes.c_lflag & (ICANON | ECHO)) == ICANON;
}

// MARK: Descriptors of a child

struct ends {
    // The child's 0, 1 and 2.
    int far[3];
    int near[3];
};

static void close_ends(int *ends) {
    for (int i = 0; i < 3; i++) {
        // A terminal stands for all three.
        if (ends[i] >= 0 && (i == 0 || ends[i] != ends[0])) close(ends[i]);
        ends[i] = -1;
    }
}

static int make_pipes(struct ends *ends) {
    for (int i = 0; i < 3; i++) {
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) < 0) return -errno;
        ends->far[i] = pair[i == 0 ? 0 : 1];
        ends->near[i] = pair[i == 0 ? 1 : 0];
        fcntl(ends->near[i], F_SETFL, O_NONBLOCK);
        fcntl(ends->near[i], F_SETPIPE_SZ, 256 * 1024);
    }
    return 0;
}

static int make_terminal(struct ends *ends, const struct agent_start *start) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char name[64];
    if (master < 0) return -errno;
    ends->near[0] = ends->near[1] = master;
    if (grantpt(master) < 0 || unlockpt(master) < 0) return -errno;
    int failed = ptsname_r(master, name, sizeof name);
    if (failed) return -failed;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) return -errno;
    ends->far[0] = ends->far[1] = ends->far[2] = slave;
    apply_modes(slave, start->modes, start->modes_length);
    agent_resize(master, start->columns, start->rows, start->pixel_width, start->pixel_height);
    return 0;
}

void agent_close_from(int first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    // Kernels before 5.9.
    int most = (int)sysconf(_SC_OPEN_MAX);
    for (int descriptor = first; descriptor < (most > 0 ? most : 1024); descriptor++)
        close(descriptor);
}

static struct rlimit own_limit;

void agent_raise_limits(void) {
    if (getrlimit(RLIMIT_NOFILE, &own_limit) < 0) return;
    struct rlimit most = {own_limit.rlim_max, own_limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &most);
}

void agent_hide(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

static void become_child(const int *far) {
    setsid();
    for (int i = 0; i < 3; i++) {
        // dup2 onto itself would keep close-on-exec.
        if (far[i] == i)
            fcntl(i, F_SETFD, 0);
        else
            dup2(far[i], i);
    }
    if (own_limit.rlim_cur) setrlimit(RLIMIT_NOFILE, &own_limit);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// MARK: Starting

// execvp(3) over a search path that is not the agent's own.
static int run_in_path(const struct agent_start *start) {
    if (strchr(start->program, '/')) {
        execve(start->program, start->arguments, start->environment);
        return errno;
    }
    int failure = ENOENT;
    if (!*start->program) return failure;
    const char *at = start->search_path;
    while (*at) {
        size_t length = strcspn(at, ":");
        char *file;
        if (asprintf(&file, "%.*s/%s", (int)length, length ? at : ".", start->program) < 0)
            return ENOMEM;
        execve(file, start->arguments, start->environment);
        // What is there but may not be run says more than what is nowhere.
        if (errno != ENOENT && errno != ENOTDIR) failure = errno;
        free(file);
        at += length;
        if (*at) at++;
    }
    return failure;
}

_Noreturn static void run(const struct agent_start *start, const int *far, int report) {
    become_child(far);
    int failure = 0;
    if (start->has_terminal && ioctl(0, TIOCSCTTY, 0) < 0) failure = errno;
    // A home that does not exist is no reason to refuse a login, as with sshd.
    if (start->folder && chdir(start->folder) < 0 && chdir("/") < 0) failure = errno;
    if (!failure) failure = run_in_path(start);
    // Nobody to tell when this fails; the status says enough.
    ssize_t told = write(report, &failure, sizeof failure);
    (void)told;
    _exit(127);
}

int agent_start_program(const struct agent_start *start, struct agent_program *program) {
    struct ends ends = {{-1, -1, -1}, {-1, -1, -1}};
    int report[2] = {-1, -1};
    int failure = start->has_terminal ? make_terminal(&ends, start) : make_pipes(&ends);
    if (!failure && pipe2(report, O_CLOEXEC) < 0) failure = -errno;
    pid_t pid = failure ? -1 : fork();
    if (pid == 0) run(start, ends.far, report[1]);
    if (!failure && pid < 0) failure = -errno;
    close_ends(ends.far);
    if (report[1] >= 0) close(report[1]);
    if (!failure) {
        // Ends empty when execve closed it.
        int number = 0;
        if (agent_read(report[0], &number, sizeof number) > 0) {
            failure = -number;
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        }
    }
    if (report[0] >= 0) close(report[0]);
    if (failure) {
        close_ends(ends.near);
        return failure;
    }
    *program = (struct agent_program){pid, ends.near[0], ends.near[1], ends.near[2]};
    return 0;
}

// MARK: Files

static int make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS;
        *slash = '/';
        if (failed) return -errno;
    }
    return 0;
}

// What is there is written itself: it is no regular file, or its folder takes no new one.
static int open_itself(const char *path, char *temporary) {
    *temporary = 0;
    int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    return file < 0 ? -errno : file;
}

int agent_create(const char *path, char *place, char *temporary, uint32_t mode) {
    if (strlen(path) >= 4096) return -ENAMETOOLONG;
    // A link stays, and its goal is written.
    if (!realpath(path, place)) strcpy(place, path);
    struct stat facts;
    if (stat(place, &facts) == 0 && !S_ISREG(facts.st_mode)) return open_itself(place, temporary);
    sprintf(temporary, "%s.berth-XXXXXX", place);
    int failure = make_parents(temporary);
    if (failure) return failure;
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
        failure = -errno;
        file = open_itself(place, temporary);
        return file < 0 ? failure : file;
    }
    if (file < 0) return -errno;
    if (fchmod(file, mode & 07777) == 0) return file;
    failure = -errno;
    close(file);
    unlink(temporary);
    return failure;
}

int agent_rename(const char *from, const char *to) { return rename(from, to) < 0 ? -errno : 0; }

int agent_remove(const char *path) { return unlink(path) < 0 ? -errno : 0; }
