#pragma once

// Files for the agent's SFTP server and scp. Everything returns 0 or more, or -errno.

#include <stddef.h>
#include <stdint.h>

struct agent_attributes {
    uint64_t size;
    uint32_t user, group, mode;
    uint32_t accessed, modified; // seconds since 1970
    uint32_t modified_nanoseconds;
};

enum {
    AGENT_READ = 1,
    AGENT_WRITE = 2,
    AGENT_APPEND = 4,
    AGENT_CREATE = 8,
    AGENT_TRUNCATE = 16,
    AGENT_EXCLUSIVE = 32,
};

int agent_open(const char *_Nonnull path, int flags, uint32_t mode);
long agent_read_at(int file, void *_Nonnull bytes, size_t room, uint64_t offset);
// Writes at the offset, or at the end of a file opened to append.
long agent_write_at(int file, const void *_Nonnull bytes, size_t count, uint64_t offset, int append);
int agent_sync(int file);

int agent_attributes_of(
    const char *_Nonnull path, int follow, struct agent_attributes *_Nonnull attributes
);
int agent_attributes_of_file(int file, struct agent_attributes *_Nonnull attributes);
// Each sets one thing, of `path`, or of `file` where the path is NULL; `follow` as lstat(2) and stat(2).
int agent_set_size(const char *_Nullable path, int file, uint64_t size);
int agent_set_owner(const char *_Nullable path, int file, uint32_t user, uint32_t group, int follow);
int agent_set_mode(const char *_Nullable path, int file, uint32_t mode, int follow);
int agent_set_times(
    const char *_Nullable path, int file, uint32_t accessed, uint32_t modified, int follow
);

// What new files' modes are masked with (umask(2)).
uint32_t agent_file_mask(void);
void agent_set_file_mask(uint32_t mask);
// Makes it the working directory.
int agent_enter(const char *_Nonnull path);
int agent_make_folder(const char *_Nonnull path, uint32_t mode);
int agent_remove_folder(const char *_Nonnull path);
// Fails with EEXIST where `to` is there, as version 3 of the protocol wants it.
int agent_rename_new(const char *_Nonnull from, const char *_Nonnull to);
int agent_hard_link(const char *_Nonnull from, const char *_Nonnull to);
int agent_symbolic_link(const char *_Nonnull content, const char *_Nonnull path);
// The text of a link or an absolute path: its length, at most `room`.
long agent_read_link(const char *_Nonnull path, char *_Nonnull text, size_t room);
long agent_real_path(const char *_Nonnull path, char *_Nonnull text, size_t room);

// statvfs(3): the eleven numbers in the order in which the extension sends them.
int agent_file_system(const char *_Nullable path, int file, uint64_t *_Nonnull numbers);

// A folder to be listed: a number from 0 on; at most 256 are open at a time.
int agent_open_folder(const char *_Nonnull path);
// The next name's length, 0 at the end; `text` gets it.
long agent_next_name(int folder, char *_Nonnull text, size_t room);
void agent_close_folder(int folder);
// The line that `ls -l` has for it: its length.
long agent_long_name(
    const char *_Nonnull name, const struct agent_attributes *_Nonnull attributes,
    char *_Nonnull text, size_t room
);
