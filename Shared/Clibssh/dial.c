#define _GNU_SOURCE
#include "berth_ssh.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// 0 once connected.
static int finish(int fd, int bell, int64_t end, struct berth_dial_failure *failure) {
    for (;;) {
        int64_t left = end - now();
        if (left <= 0) {
            *failure = (struct berth_dial_failure){berth_dial_timeout, ETIMEDOUT};
            return -1;
        }
        struct pollfd watched[2] = {{.fd = fd, .events = POLLOUT}, {.fd = bell, .events = POLLIN}};
        int count = poll(watched, 2, (int)left);
        if (count < 0 && errno != EINTR) {
            *failure = (struct berth_dial_failure){berth_dial_connect, errno};
            return -1;
        }
        if (count <= 0) continue;
        if (watched[1].revents != 0) {
            *failure = (struct berth_dial_failure){berth_dial_interrupted, 0};
            return -1;
        }
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error == 0) return 0;
        *failure = (struct berth_dial_failure){berth_dial_connect, error};
        return -1;
    }
}

static int attempt(
    const struct addrinfo *address, int bell, int64_t end, struct berth_dial_failure *failure) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *failure = (struct berth_dial_failure){berth_dial_connect, errno};
        return -1;
    }
    int on = 1;
    // Fails only for what is no TCP socket.
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) return fd;
    if (errno == EINPROGRESS) {
        if (finish(fd, bell, end, failure) == 0) return fd;
    } else {
        *failure = (struct berth_dial_failure){berth_dial_connect, errno};
    }
    close(fd);
    return -1;
}

int berth_dial(
    const char *host, const char *port, int bell, int milliseconds,
    struct berth_dial_failure *failure) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error != 0) {
        *failure = (struct berth_dial_failure){berth_dial_name, error};
        return -1;
    }
    int64_t end = now() + milliseconds;
    int fd = -1;
    for (struct addrinfo *next = addresses; next != NULL && fd < 0; next = next->ai_next) {
        fd = attempt(next, bell, end, failure);
        if (fd < 0 && failure->step == berth_dial_interrupted) break;
    }
    freeaddrinfo(addresses);
    return fd;
}

int berth_dial_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -1;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}
