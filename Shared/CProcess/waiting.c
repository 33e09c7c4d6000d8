#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int result(int value) { return value < 0 ? -errno : value; }

int berth_location(const char *path) { return result(open(path, O_PATH | O_CLOEXEC)); }

int berth_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int berth_epoll_add(int epoll, int descriptor, uint64_t token, int writable) {
    struct epoll_event event = {.events = writable ? EPOLLOUT : EPOLLIN, .data.u64 = token};
    return result(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int berth_epoll_remove(int epoll, int descriptor) {
    return result(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

int berth_epoll_wait(int epoll, uint64_t *tokens, int room) {
    struct epoll_event events[64];
    if (room > 64) room = 64;
    int count = epoll_wait(epoll, events, room, -1);
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return result(count);
}

int berth_bell_create(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int berth_bell_ring(int bell) { return result(eventfd_write(bell, 1)); }

int berth_bell_quiet(int bell) {
    eventfd_t rings;
    return result(eventfd_read(bell, &rings));
}
