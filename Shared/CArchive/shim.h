#pragma once
#include <archive.h>
#include <archive_entry.h>

// The types of entries are macros with a cast, which Swift does not see.
enum berth_entry_kind {
    BERTH_ENTRY_FILE,
    BERTH_ENTRY_FOLDER,
    BERTH_ENTRY_SYMLINK,
    BERTH_ENTRY_PIPE,
    BERTH_ENTRY_DEVICE,
    BERTH_ENTRY_OTHER,
};

static inline enum berth_entry_kind berth_archive_entry_kind(struct archive_entry *entry) {
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return BERTH_ENTRY_FILE;
    case AE_IFDIR: return BERTH_ENTRY_FOLDER;
    case AE_IFLNK: return BERTH_ENTRY_SYMLINK;
    case AE_IFIFO: return BERTH_ENTRY_PIPE;
    case AE_IFCHR:
    case AE_IFBLK: return BERTH_ENTRY_DEVICE;
    default: return BERTH_ENTRY_OTHER;
    }
}
