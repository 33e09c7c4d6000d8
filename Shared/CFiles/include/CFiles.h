#pragma once

#include <stddef.h>
#include <stdint.h>

// System calls on files that Swift's module of the C library does not have. Each returns 0 or more,
// or -errno.

// Opens `path` below `root` as if `root` were the root directory: neither `..` nor a symbolic link
// leads out of it (openat2(2), RESOLVE_IN_ROOT). Close-on-exec; `flags` and `mode` as for open(2).
int berth_open_in_root(int root, const char *_Nonnull path, int flags, uint32_t mode);

// Sets an extended attribute of an open file (fsetxattr(2)).
int berth_set_attribute(
    int file, const char *_Nonnull name, const void *_Nullable value, size_t size
);

// The size of an extended attribute of an open file (fgetxattr(2)).
int64_t berth_get_attribute(
    int file, const char *_Nonnull name, void *_Nullable value, size_t size
);

// Writes everything of the file's file system to its device (syncfs(2)).
int berth_sync_file_system(int file);

// Takes the space of `length` bytes; the file's size stays (fallocate(2), FALLOC_FL_KEEP_SIZE).
int berth_reserve(int file, int64_t offset, int64_t length);

// Lets the disk begin with what was written there; nothing is durable by that (sync_file_range(2)).
int berth_start_sync(int file, int64_t offset, int64_t length);
