#ifndef BERTH_KERBEROS_H
#define BERTH_KERBEROS_H

#include <stddef.h>

/* Acceptor's side of GSSAPI with Kerberos (RFC 4121), and passwords checked by a KDC.
 * Every function may block: on files, and where passwords are checked on the network. */

/* What a step has brought; kerberos_release frees what it points to. */
struct kerberos_outcome {
    int is_complete;
    unsigned char *token;
    size_t token_length;
    /* As `name@REALM`. */
    char *principal;
    /* Of the local user whom krb5.conf(5) maps it to; NULL for nobody. */
    char *local_name;
    /* The content of a credential cache (MIT's FILE format): tickets that came along. */
    unsigned char *cache;
    size_t cache_length;
    /* Why it failed. */
    char *error;
};

enum kerberos_result { KERBEROS_DONE = 0, KERBEROS_REFUSED = 1, KERBEROS_FAILED = 2 };

/* Has every later call read `path` instead of the system's krb5.conf(5). Not safe while others run. */
int kerberos_use_configuration(const char *path);

/* Takes a token; `*context` is NULL at first, and stays the caller's. `acceptor` is `any`, `host`, or a
 * principal `service/name`. */
int kerberos_accept(void **context, const char *keytab, const char *acceptor, const unsigned char *token,
                    size_t token_length, struct kerberos_outcome *outcome);

/* Checks a MIC over `text` (gss_verify_mic(3)). */
int kerberos_verify(void *context, const unsigned char *text, size_t text_length, const unsigned char *mic,
                    size_t mic_length, struct kerberos_outcome *outcome);

void kerberos_forget(void *context);

/* Gets a ticket with the password, and checks by the keytab that the real KDC gave it. */
int kerberos_password(const char *name, const char *password, const char *keytab, const char *acceptor,
                      struct kerberos_outcome *outcome);

/* Whether the keytab can be read and has an entry. */
int kerberos_check_keytab(const char *keytab, struct kerberos_outcome *outcome);

void kerberos_release(struct kerberos_outcome *outcome);

#endif
