#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

union control {
    char bytes[CMSG_SPACE(sizeof(int) * BERTH_MAX_DESCRIPTORS)];
    struct cmsghdr align;
};

int berth_socketpair(int *mine, int *theirs) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return errno;
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close(pair[0]);
        close(pair[1]);
        return error;
    }
    *mine = pair[0];
    *theirs = pair[1];
    return 0;
}

int berth_send(
    int socket, const struct berth_message *message, const int *descriptors, size_t count
) {
    if (count > BERTH_MAX_DESCRIPTORS) return EINVAL;
    struct iovec part = {(void *)message, sizeof *message};
    union control control;
    memset(&control, 0, sizeof control);
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * count);
    }
    while (sendmsg(socket, &header, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) return errno;
    return 0;
}

int berth_receive(int socket, struct berth_message *message, int *descriptors, size_t *count) {
    struct iovec part = {message, sizeof *message};
    union control control;
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    *count = 0;
    ssize_t length;
    do length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0) return errno == ECONNRESET ? 0 : -errno;
    for (struct cmsghdr *rights = CMSG_FIRSTHDR(&header); rights;
         rights = CMSG_NXTHDR(&header, rights)) {
        if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
        size_t received = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (received > BERTH_MAX_DESCRIPTORS) received = BERTH_MAX_DESCRIPTORS;
        memcpy(descriptors, CMSG_DATA(rights), received * sizeof(int));
        *count = received;
    }
    if (length == 0 && *count == 0) return 0;
    if (length == (ssize_t)sizeof *message && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return 1;
    for (size_t i = 0; i < *count; i++) close(descriptors[i]);
    *count = 0;
    return -EBADMSG;
}

int berth_memory_file(const char *name, const void *bytes, size_t length) {
    int file = memfd_create(name, MFD_CLOEXEC);
    if (file < 0) return -errno;
    size_t done = 0;
    while (done < length) {
        ssize_t written = pwrite(file, (const char *)bytes + done, length - done, (off_t)done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            int error = errno;
            close(file);
            return -error;
        }
        done += (size_t)written;
    }
    return file;
}

int berth_reopen(int descriptor) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file < 0 ? -errno : file;
}

int berth_resize(
    int terminal, uint16_t rows, uint16_t columns, uint16_t pixel_width, uint16_t pixel_height
) {
    struct winsize size = {rows, columns, pixel_width, pixel_height};
    return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? errno : 0;
}

int berth_break(int terminal) {
    struct termios modes;
    if (tcgetattr(terminal, &modes) < 0) return errno;
    if (modes.c_iflag & IGNBRK) return 0;
    // The signal goes to the foreground processes (ioctl_tty(2), TIOCSIG); else it reads as a NUL.
    if (modes.c_iflag & BRKINT) return ioctl(terminal, TIOCSIG, SIGINT) < 0 ? errno : 0;
    return write(terminal, "", 1) < 0 ? errno : 0;
}

int berth_hides_input(int terminal) {
    struct termios modes;
    if (tcgetattr(terminal, &modes) < 0) return 1;
    return (modes.c_lflag & (ICANON | ECHO)) == ICANON;
}

int berth_pipe(int *reader, int *writer, int capacity) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return errno;
    if (capacity > 0) fcntl(ends[0], F_SETPIPE_SZ, capacity);
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}
