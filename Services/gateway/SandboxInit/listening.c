#define _GNU_SOURCE
#include "tasks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Listening sockets are made inside the sandbox and handed out: the gateway accepts by itself.

enum { BACKLOG = 128, MOST_SOCKETS = 2, MOST_DISPLAYS = 1000 };

struct sockets {
    int descriptors[MOST_SOCKETS];
    size_t count;
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un path;
};

static int listen_on(struct sockets *sockets, const union address *address, socklen_t length) {
    int made = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) return errno;
    int on = 1, off = 0;
    if (address->any.sa_family != AF_UNIX)
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->any.sa_family == AF_INET6) {
        // All interfaces means those of both families; one address means that one.
        int is_any = IN6_IS_ADDR_UNSPECIFIED(&address->six.sin6_addr);
        setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, is_any ? &off : &on, sizeof on);
    }
    if (bind(made, &address->any, length) < 0 || listen(made, BACKLOG) < 0) {
        int error = errno;
        close(made);
        return error;
    }
    sockets->descriptors[sockets->count++] = made;
    return 0;
}

static int listen_four(struct sockets *sockets, struct in_addr host, uint16_t port) {
    union address address = {.four = {.sin_family = AF_INET, .sin_addr = host}};
    address.four.sin_port = htons(port);
    return listen_on(sockets, &address, sizeof address.four);
}

static int listen_six(struct sockets *sockets, struct in6_addr host, uint16_t port) {
    union address address = {.six = {.sin6_family = AF_INET6, .sin6_addr = host}};
    address.six.sin6_port = htons(port);
    return listen_on(sockets, &address, sizeof address.six);
}

static int bound_port(const struct sockets *sockets) {
    union address address;
    socklen_t length = sizeof address;
    if (getsockname(sockets->descriptors[0], &address.any, &length) < 0) return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.four.sin_port : address.six.sin6_port);
}

static int listen_tcp(struct sockets *sockets, const char *host, uint16_t port) {
    struct in_addr four = {htonl(INADDR_ANY)};
    struct in6_addr six = in6addr_any;
    if (!*host) {
        int error = listen_six(sockets, six, port);
        // A kernel without IPv6 has one family to listen on.
        return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ? listen_four(sockets, four, port)
                                                               : error;
    }
    if (!strcmp(host, "localhost")) {
        four.s_addr = htonl(INADDR_LOOPBACK);
        int error = listen_four(sockets, four, port);
        // The second family at the same port is an extra that may be missing.
        if (!error) listen_six(sockets, in6addr_loopback, (uint16_t)bound_port(sockets));
        return error;
    }
    if (inet_pton(AF_INET, host, &four) == 1) return listen_four(sockets, four, port);
    if (inet_pton(AF_INET6, host, &six) == 1) return listen_six(sockets, six, port);
    return EADDRNOTAVAIL;
}

static int listen_unix(struct sockets *sockets, const char *path) {
    union address address = {.path = {.sun_family = AF_UNIX}};
    if (strlen(path) >= sizeof address.path.sun_path) return ENAMETOOLONG;
    strcpy(address.path.sun_path, path);
    // For its owner only, as sshd does it (sshd_config(5), StreamLocalBindMask).
    umask(0177);
    return listen_on(sockets, &address, sizeof address.path);
}

static int listen_display(struct sockets *sockets, uint32_t first, int *display) {
    umask(0);
    if (mkdir("/tmp/.X11-unix", 01777) < 0 && errno != EEXIST) return errno;
    int error = EADDRINUSE;
    for (uint32_t i = first; i < first + MOST_DISPLAYS && error == EADDRINUSE; i++) {
        char path[64];
        snprintf(path, sizeof path, "/tmp/.X11-unix/X%u", i);
        error = listen_unix(sockets, path);
        *display = (int)i;
    }
    return error;
}

int listen_at(const struct init *init, uint32_t id, const char *payload, size_t length) {
    const struct berth_listen *header = (const struct berth_listen *)payload;
    if (length <= sizeof *header || payload[length - 1] != 0) return EINVAL;
    const char *name = payload + sizeof *header;
    struct sockets sockets = {.count = 0};
    int value = 0, error;
    switch (header->kind) {
    case BERTH_LISTEN_TCP:
        error = listen_tcp(&sockets, name, (uint16_t)header->port);
        if (!error) value = bound_port(&sockets);
        break;
    case BERTH_LISTEN_UNIX:
        error = listen_unix(&sockets, name);
        break;
    case BERTH_LISTEN_DISPLAY:
        error = listen_display(&sockets, header->port, &value);
        break;
    default:
        error = EINVAL;
    }
    if (!error) report(init, BERTH_LISTENED, id, value, sockets.descriptors, sockets.count);
    return error;
}

int remove_socket(const struct init *init, uint32_t id, const char *payload, size_t length) {
    (void)init, (void)id;
    if (length == 0 || payload[length - 1] != 0) return EINVAL;
    struct stat facts;
    if (lstat(payload, &facts) < 0) return errno;
    if (!S_ISSOCK(facts.st_mode)) return EINVAL;
    return unlink(payload) < 0 ? errno : 0;
}
