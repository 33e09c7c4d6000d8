#define _GNU_SOURCE
#include "CAgentFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static long result(long value) { return value < 0 ? -errno : value; }

int agent_open(const char *path, int flags, uint32_t mode) {
    int both = AGENT_READ | AGENT_WRITE;
    int how = (flags & both) == both ? O_RDWR : flags & AGENT_WRITE ? O_WRONLY : O_RDONLY;
    if (flags & AGENT_APPEND) how |= O_APPEND;
    if (flags & AGENT_CREATE) how |= O_CREAT;
    if (flags & AGENT_TRUNCATE) how |= O_TRUNC;
    if (flags & AGENT_EXCLUSIVE) how |= O_EXCL;
    return (int)result(open(path, how | O_CLOEXEC, mode));
}

long agent_read_at(int file, void *bytes, size_t room, uint64_t offset) {
    ssize_t count;
    do count = pread(file, bytes, room, (off_t)offset);
    while (count < 0 && errno == EINTR);
    // What cannot be read at an offset, for example a terminal.
    if (count < 0 && errno == ESPIPE) count = read(file, bytes, room);
    return result(count);
}

long agent_write_at(int file, const void *bytes, size_t count, uint64_t offset, int append) {
    ssize_t written;
    do written = append ? write(file, bytes, count) : pwrite(file, bytes, count, (off_t)offset);
    while (written < 0 && errno == EINTR);
    if (written < 0 && errno == ESPIPE) written = write(file, bytes, count);
    return result(written);
}

int agent_sync(int file) { return (int)result(fsync(file)); }

static void take(const struct stat *facts, struct agent_attributes *attributes) {
    *attributes = (struct agent_attributes){
        .size = (uint64_t)facts->st_size,
        .user = facts->st_uid,
        .group = facts->st_gid,
        .mode = facts->st_mode,
        .accessed = (uint32_t)facts->st_atim.tv_sec,
        .modified = (uint32_t)facts->st_mtim.tv_sec,
        .modified_nanoseconds = (uint32_t)facts->st_mtim.tv_nsec,
    };
}

int agent_attributes_of(const char *path, int follow, struct agent_attributes *attributes) {
    struct stat facts;
    if ((follow ? stat(path, &facts) : lstat(path, &facts)) < 0) return -errno;
    take(&facts, attributes);
    return 0;
}

int agent_attributes_of_file(int file, struct agent_attributes *attributes) {
    struct stat facts;
    if (fstat(file, &facts) < 0) return -errno;
    take(&facts, attributes);
    return 0;
}

int agent_set_size(const char *path, int file, uint64_t size) {
    return (int)result(path ? truncate(path, (off_t)size) : ftruncate(file, (off_t)size));
}

int agent_set_owner(const char *path, int file, uint32_t user, uint32_t group, int follow) {
    if (!path) return (int)result(fchown(file, user, group));
    return (int)result(follow ? chown(path, user, group) : lchown(path, user, group));
}

int agent_set_mode(const char *path, int file, uint32_t mode, int follow) {
    if (!path) return (int)result(fchmod(file, mode & 07777));
    return (int)result(fchmodat(AT_FDCWD, path, mode & 07777, follow ? 0 : AT_SYMLINK_NOFOLLOW));
}

int agent_set_times(
    const char *path, int file, uint32_t accessed, uint32_t modified, int follow
) {
    struct timespec times[2] = {{.tv_sec = accessed}, {.tv_sec = modified}};
    if (!path) return (int)result(futimens(file, times));
    return (int)result(utimensat(AT_FDCWD, path, times, follow ? 0 : AT_SYMLINK_NOFOLLOW));
}

uint32_t agent_file_mask(void) {
    mode_t mask = umask(0);
    umask(mask);
    return mask;
}

void agent_set_file_mask(uint32_t mask) { umask(mask); }

int agent_enter(const char *path) { return (int)result(chdir(path)); }

int agent_make_folder(const char *path, uint32_t mode) { return (int)result(mkdir(path, mode & 07777)); }

int agent_remove_folder(const char *path) { return (int)result(rmdir(path)); }

int agent_rename_new(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -errno;
    // A file system that cannot do it at once.
    struct stat facts;
    if (lstat(to, &facts) == 0) return -EEXIST;
    return (int)result(rename(from, to));
}

int agent_hard_link(const char *from, const char *to) { return (int)result(link(from, to)); }

int agent_symbolic_link(const char *content, const char *path) {
    return (int)result(symlink(content, path));
}

long agent_read_link(const char *path, char *text, size_t room) {
    return result(readlink(path, text, room));
}

// An absolute path without links; the last part need not exist, as sftp's `put` asks for it.
long agent_real_path(const char *path, char *text, size_t room) {
    char *real = realpath(*path ? path : ".", NULL);
    char *made = NULL;
    if (!real && errno == ENOENT) {
        const char *slash = strrchr(path, '/');
        char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
        real = folder ? realpath(folder, NULL) : NULL;
        const char *name = slash ? slash + 1 : path;
        if (real && asprintf(&made, "%s/%s", strcmp(real, "/") ? real : "", name) < 0) made = NULL;
        free(folder);
    }
    const char *found = made ? made : real;
    long length = found ? (long)strlen(found) : -errno;
    if (length > (long)room) length = -ENAMETOOLONG;
    if (length > 0) memcpy(text, found, (size_t)length);
    free(made);
    free(real);
    return length;
}

int agent_file_system(const char *path, int file, uint64_t *numbers) {
    struct statvfs facts;
    if ((path ? statvfs(path, &facts) : fstatvfs(file, &facts)) < 0) return -errno;
    // Only these two flags are told (OpenSSH's PROTOCOL, statvfs@openssh.com).
    uint64_t flags = (facts.f_flag & ST_RDONLY ? 1 : 0) | (facts.f_flag & ST_NOSUID ? 2 : 0);
    uint64_t all[11] = {
        facts.f_bsize, facts.f_frsize, facts.f_blocks, facts.f_bfree, facts.f_bavail,
        facts.f_files, facts.f_ffree, facts.f_favail, facts.f_fsid, flags, facts.f_namemax,
    };
    memcpy(numbers, all, sizeof all);
    return 0;
}

enum { most_folders = 256 };
static DIR *folders[most_folders];

int agent_open_folder(const char *path) {
    for (int number = 0; number < most_folders; number++) {
        if (folders[number]) continue;
        folders[number] = opendir(path);
        return folders[number] ? number : -errno;
    }
    return -EMFILE;
}

long agent_next_name(int folder, char *text, size_t room) {
    if (folder < 0 || folder >= most_folders || !folders[folder]) return -EBADF;
    errno = 0;
    struct dirent *entry = readdir(folders[folder]);
    if (!entry) return -errno;
    size_t length = strlen(entry->d_name);
    if (length > room) return -ENAMETOOLONG;
    memcpy(text, entry->d_name, length);
    return (long)length;
}

void agent_close_folder(int folder) {
    if (folder < 0 || folder >= most_folders || !folders[folder]) return;
    closedir(folders[folder]);
    folders[folder] = NULL;
}

static char kind_letter(uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFCHR: return 'c';
    case S_IFBLK: return 'b';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    default: return '-';
    }
}

static void permissions(uint32_t mode, char *text) {
    static const char letters[] = "rwxrwxrwx";
    text[0] = kind_letter(mode);
    for (int i = 0; i < 9; i++) text[i + 1] = mode & (0400 >> i) ? letters[i] : '-';
    if (mode & S_ISUID) text[3] = mode & 0100 ? 's' : 'S';
    if (mode & S_ISGID) text[6] = mode & 0010 ? 's' : 'S';
    if (mode & S_ISVTX) text[9] = mode & 0001 ? 't' : 'T';
    text[10] = 0;
}

long agent_long_name(
    const char *name, const struct agent_attributes *attributes, char *text, size_t room
) {
    char mode[11], date[32];
    permissions(attributes->mode, mode);
    time_t modified = attributes->modified, now = time(NULL);
    struct tm parts;
    localtime_r(&modified, &parts);
    int is_recent = now - modified < 182 * 24 * 3600 && modified <= now + 60;
    strftime(date, sizeof date, is_recent ? "%b %e %H:%M" : "%b %e  %Y", &parts);
    int length = snprintf(
        text, room, "%s    1 %-8u %-8u %8llu %s %s", mode, attributes->user, attributes->group,
        (unsigned long long)attributes->size, date, name
    );
    return length < (int)room ? length : -ENAMETOOLONG;
}
