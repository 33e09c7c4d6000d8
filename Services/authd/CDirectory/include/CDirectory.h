#ifndef BERTH_DIRECTORY_H
#define BERTH_DIRECTORY_H

#include <stddef.h>

/* A client of LDAP servers (RFC 4511), by OpenLDAP's library. Every function that takes a handle may block,
 * for no longer than the times it was given; a handle is for one thread at a time. */

/* One value of an entry; the entry's own name is the value of the attribute "". */
struct directory_value {
    int entry;
    char *attribute;
    unsigned char *bytes;
    size_t length;
};

/* What a call has brought; directory_release frees what it points to. */
struct directory_outcome {
    struct directory_value *values;
    size_t count;
    int entries;
    /* Whether the server has left entries out. */
    int is_truncated;
    /* The error of a password policy's answer (draft-behera-ldap-password-policy), -1 for none. */
    int policy;
    /* Why it failed: the library's text, and the server's own. */
    char *error;
};

enum directory_result {
    DIRECTORY_DONE = 0,
    /* The server has answered, and said no. */
    DIRECTORY_REFUSED = 1,
    /* The connection is gone. */
    DIRECTORY_LOST = 2,
    /* No answer in time. */
    DIRECTORY_SILENT = 3,
    /* No verdict: the server is in trouble, or the configuration is wrong. */
    DIRECTORY_FAILED = 4
};

struct directory_server {
    const char *url;
    /* A file of PEM certificates; NULL for the library's own. */
    const char *authorities;
    int starts_tls;
    long connect_milliseconds;
    long answer_milliseconds;
};

/* Connects with the first call that needs it, but for StartTLS, which it does at once. */
int directory_open(void **handle, const struct directory_server *server, struct directory_outcome *outcome);

int directory_bind(void *handle, const char *name, const unsigned char *password, size_t length,
                   long milliseconds, struct directory_outcome *outcome);

/* Up to `most` entries; `attributes` are separated by spaces. Follows neither aliases nor referrals. */
int directory_search(void *handle, const char *base, int is_subtree, const char *filter,
                     const char *attributes, int most, long milliseconds, struct directory_outcome *outcome);

void directory_close(void *handle);

/* A distinguished name in one spelling (RFC 4514), and the value of its first part; 0 for no name. */
int directory_parse_name(const char *name, char **normalized, char **first);

void directory_release(struct directory_outcome *outcome);

#endif
