#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int berth_open_in_root(int root, const char *path, int flags, uint32_t mode) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        // The kernel refuses a mode where nothing is made.
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    for (;;) {
        long file = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (file >= 0) return (int)file;
        // A rename elsewhere on the system came in between; it is asked again (openat2(2)).
        if (errno != EAGAIN && errno != EINTR) return -errno;
    }
}

int berth_set_attribute(int file, const char *name, const void *value, size_t size) {
    return fsetxattr(file, name, value, size, 0) < 0 ? -errno : 0;
}

int64_t berth_get_attribute(int file, const char *name, void *value, size_t size) {
    ssize_t count = fgetxattr(file, name, value, size);
    return count < 0 ? -errno : count;
}

int berth_sync_file_system(int file) { return syncfs(file) < 0 ? -errno : 0; }

int berth_reserve(int file, int64_t offset, int64_t length) {
    return fallocate(file, FALLOC_FL_KEEP_SIZE, offset, length) < 0 ? -errno : 0;
}

int berth_start_sync(int file, int64_t offset, int64_t length) {
    return sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE) < 0 ? -errno : 0;
}
