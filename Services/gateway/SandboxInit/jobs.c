#define _GNU_SOURCE
#include "tasks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0755) < 0 && errno != EEXIST && errno != EROFS;
        *slash = '/';
        if (failed) return errno;
    }
    return 0;
}

static int write_all(int file, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

int put_file(const struct init *init, uint32_t id, const char *payload, size_t length) {
    (void)init, (void)id;
    const struct berth_put_file *header = (const struct berth_put_file *)payload;
    if (length < sizeof *header || header->path_length >= length - sizeof *header) return EINVAL;
    const char *path = payload + sizeof *header;
    if (path[header->path_length] != 0 || path[0] != '/') return EINVAL;
    const char *content = path + header->path_length + 1;

    char *temporary;
    if (asprintf(&temporary, "%s.berth-XXXXXX", path) < 0) return ENOMEM;
    int error = make_parents(temporary);
    if (error) return error;
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0) return errno;
    error = write_all(file, content, (size_t)(payload + length - content));
    if (!error && fchmod(file, header->mode & 07777) < 0) error = errno;
    if (!error && rename(temporary, path) < 0) error = errno;
    if (error) unlink(temporary);
    return error;
}

static int connect_unix(const char *path, int *connected) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return ENAMETOOLONG;
    strcpy(address.sun_path, path);
    *connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*connected < 0) return errno;
    return connect(*connected, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
}

static int connect_tcp(const char *host, uint32_t port, int *connected) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
    if (!is_four && inet_pton(AF_INET6, host, &six.sin6_addr) != 1) return EADDRNOTAVAIL;
    *connected = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*connected < 0) return errno;
    int on = 1;
    setsockopt(*connected, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const struct sockaddr *address = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
    return connect(*connected, address, is_four ? sizeof four : sizeof six) < 0 ? errno : 0;
}

// Connects inside the sandbox's network and hands the socket out. Addresses only: names are the
// gateway's business.
int dial(const struct init *init, uint32_t id, const char *payload, size_t length) {
    const struct berth_dial *header = (const struct berth_dial *)payload;
    if (length <= sizeof *header || payload[length - 1] != 0) return EINVAL;
    const char *name = payload + sizeof *header;
    int connected = -1;
    int error = header->is_unix ? connect_unix(name, &connected)
                                : connect_tcp(name, header->port, &connected);
    if (!error) report(init, BERTH_DIALED, id, 0, &connected, 1);
    return error;
}
