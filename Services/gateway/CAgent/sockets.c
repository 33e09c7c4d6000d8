#define _GNU_SOURCE
#include "CAgent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nss.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { tcp_family = 1, unix_family = 2 };

struct place {
    struct sockaddr_storage address;
    socklen_t length;
};

static int unix_place(const char *path, struct place *place) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    memcpy(&place->address, &address, sizeof address);
    place->length = sizeof address;
    return 0;
}

static int wait_connected(int descriptor, int milliseconds) {
    struct pollfd watched = {descriptor, POLLOUT, 0};
    int ready = poll(&watched, 1, milliseconds);
    if (ready < 0) return -errno;
    if (ready == 0) return -ETIMEDOUT;
    int failure;
    socklen_t length = sizeof failure;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) < 0) return -errno;
    return -failure;
}

static int connect_place(const struct sockaddr *address, socklen_t length, int milliseconds) {
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int failure = connect(descriptor, address, length) < 0 ? -errno : 0;
    if (failure == -EINPROGRESS) failure = wait_connected(descriptor, milliseconds);
    if (failure) {
        close(descriptor);
        return failure;
    }
    int on = 1;
    if (address->sa_family != AF_UNIX)
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

static int resolver_error(int code) {
    switch (code) {
    case EAI_SYSTEM: return -errno;
    case EAI_MEMORY: return -ENOMEM;
    case EAI_AGAIN: return -EAGAIN;
    default: return -EADDRNOTAVAIL;
    }
}

// Only what the C library has in itself: modules of the container belong to another one.
static int look_up(const char *host, uint16_t port, int flags, struct addrinfo **found) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    __nss_configure_lookup("hosts", "files dns");
    int code = getaddrinfo(host, service, &hints, found);
    return code ? resolver_error(code) : 0;
}

static int connect_tcp(const char *host, uint16_t port, int milliseconds) {
    struct addrinfo *found;
    int64_t end = agent_milliseconds() + milliseconds;
    int failure = look_up(host, port, 0, &found);
    // RFC 6761 §6.3; an image need not have a hosts file.
    if (failure && strcasecmp(host, "localhost") == 0) failure = look_up("127.0.0.1", port, 0, &found);
    if (failure) return failure;
    failure = -EADDRNOTAVAIL;
    for (struct addrinfo *one = found; one && failure < 0; one = one->ai_next) {
        int64_t left = end - agent_milliseconds();
        failure = left > 0 ? connect_place(one->ai_addr, one->ai_addrlen, (int)left) : -ETIMEDOUT;
    }
    freeaddrinfo(found);
    return failure;
}

int agent_connect(const char *path) {
    struct place place;
    int failure = unix_place(path, &place);
    if (failure) return failure;
    int descriptor = connect_place((struct sockaddr *)&place.address, place.length, 0);
    if (descriptor < 0) return descriptor;
    // Fewer turns for the same bytes; the kernel cuts it to what it allows.
    int size = 1 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return descriptor;
}

static int connect_anywhere(int family, const char *host, uint16_t port, int milliseconds) {
    if (family == tcp_family) return connect_tcp(host, port, milliseconds);
    struct place place;
    int failure = unix_place(host, &place);
    return failure ? failure
                   : connect_place((struct sockaddr *)&place.address, place.length, milliseconds);
}

// What the connecting process sends: the outcome, with the socket when there is one.
static void send_outcome(int channel, int outcome) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    int code = outcome < 0 ? outcome : 0;
    struct iovec part = {&code, sizeof code};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (outcome >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &outcome, sizeof outcome);
    }
    sendmsg(channel, &header, MSG_NOSIGNAL);
}

// A process of its own, since a look-up blocks and may load what the container has.
int agent_dial(
    int family, const char *host, uint16_t port, uint32_t milliseconds, int *child
) {
    int pair[2];
    if (family != tcp_family && family != unix_family) return -EAFNOSUPPORT;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        // Other programs' pipes would not end while this process holds their ends.
        dup2(pair[1], 0);
        agent_close_from(1);
        // Ends by itself when a look-up takes too long.
        alarm(milliseconds / 1000 + 2);
        send_outcome(0, connect_anywhere(family, host, port, (int)milliseconds));
        _exit(0);
    }
    close(pair[1]);
    if (pid < 0) {
        int failure = -errno;
        close(pair[0]);
        return failure;
    }
    *child = pid;
    return pair[0];
}

int agent_dialed(int pending) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    int code = 0;
    struct iovec part = {&code, sizeof code};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t length = recvmsg(pending, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int failure = length < 0 ? -errno : length == 0 ? -ETIMEDOUT : code;
    struct cmsghdr *rights = length > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    if (failure) return failure;
    if (!rights || rights->cmsg_type != SCM_RIGHTS) return -EPROTO;
    int connected;
    memcpy(&connected, CMSG_DATA(rights), sizeof connected);
    agent_set_nonblocking(connected);
    return connected;
}

static int bind_listener(const struct sockaddr *address, socklen_t length) {
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    if (address->sa_family != AF_UNIX)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, address, length) == 0 && listen(descriptor, 128) == 0) return descriptor;
    int failure = -errno;
    close(descriptor);
    return failure;
}

static int listen_tcp(const char *host, uint16_t *port) {
    struct addrinfo *found;
    const char *any = *host == 0 || strcmp(host, "*") == 0 ? NULL : host;
    // Without a name both families: the unspecified IPv6 address takes IPv4 too.
    int failure = look_up(any ? any : "::", *port, AI_PASSIVE, &found);
    if (failure) return failure;
    int descriptor = bind_listener(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (!any && (descriptor == -EAFNOSUPPORT || descriptor == -EADDRNOTAVAIL)) {
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(*port)};
        descriptor = bind_listener((struct sockaddr *)&four, sizeof four);
    }
    if (descriptor < 0) return descriptor;
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof bound;
    getsockname(descriptor, (struct sockaddr *)&bound, &length);
    *port = ntohs(
        bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                    : ((struct sockaddr_in *)&bound)->sin_port
    );
    return descriptor;
}

// A socket on which nobody listens any more is what an earlier connection left.
static void remove_stale(const struct place *place, const char *path) {
    struct stat facts;
    if (lstat(path, &facts) < 0 || !S_ISSOCK(facts.st_mode)) return;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return;
    if (connect(probe, (const struct sockaddr *)&place->address, place->length) < 0 &&
        errno == ECONNREFUSED)
        unlink(path);
    close(probe);
}

int agent_listen(int family, const char *host, uint16_t *port, uint32_t mode) {
    if (family == tcp_family) return listen_tcp(host, port);
    if (family != unix_family) return -EAFNOSUPPORT;
    struct place place;
    int failure = unix_place(host, &place);
    if (failure) return failure;
    remove_stale(&place, host);
    mode_t before = umask(0777 & ~mode);
    int descriptor = bind_listener((struct sockaddr *)&place.address, place.length);
    umask(before);
    *port = 0;
    return descriptor;
}

int agent_accept(int listener, char *host, uint16_t *port) {
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof peer;
    int descriptor =
        accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
    *host = 0;
    *port = 0;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *four = (struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &four->sin_addr, host, 64);
        *port = ntohs(four->sin_port);
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (struct sockaddr_in6 *)&peer;
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
            inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, host, 64);
        else
            inet_ntop(AF_INET6, &six->sin6_addr, host, 64);
        *port = ntohs(six->sin6_port);
    }
    return descriptor;
}
