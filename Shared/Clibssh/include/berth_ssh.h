#pragma once

// libssh as the client of another SSH server, for its transport and its authentication. Channels
// are not libssh's business here: the messages of the connection protocol (RFC 4254) come out by a
// hook and go in as they are. Why, and what that needs of libssh, is in docs/sshproxy.md.

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

// Gets one message, its number first; the bytes live until it returns.
typedef void (*berth_ssh_message_function)(void *owner, const void *bytes, size_t count);

typedef struct berth_ssh_hook berth_ssh_hook;

// Hands every message of the connection protocol, and the peer's DISCONNECT, to `function`. To be
// called before the session connects; freed after the session. NULL without memory.
berth_ssh_hook *berth_ssh_hook_new(
    ssh_session session, berth_ssh_message_function function, void *owner);
void berth_ssh_hook_free(berth_ssh_hook *hook);

// The identification line, without its end, of the sessions of the calling thread. The text stays
// the caller's and lives as long as these sessions do.
void berth_ssh_identify(const char *line);

// Sends one message of the connection protocol, or queues it while keys are being exchanged. Never
// reads, never waits. SSH_OK or SSH_ERROR.
int berth_ssh_send(ssh_session session, const void *bytes, size_t count);

// ssh_options_set(3) by the type of the value.
static inline int berth_ssh_set_text(
    ssh_session session, enum ssh_options_e option, const char *value) {
    return ssh_options_set(session, option, value);
}

static inline int berth_ssh_set_int(ssh_session session, enum ssh_options_e option, int value) {
    return ssh_options_set(session, option, &value);
}

static inline int berth_ssh_set_descriptor(ssh_session session, socket_t value) {
    return ssh_options_set(session, SSH_OPTIONS_FD, &value);
}

// Why there is no connection.
enum berth_dial_step {
    // The name: error is one of getaddrinfo(3).
    berth_dial_name,
    // The connection: error is an errno.
    berth_dial_connect,
    berth_dial_timeout,
    // The bell rang.
    berth_dial_interrupted,
};

struct berth_dial_failure {
    enum berth_dial_step step;
    int error;
};

// Connects to a host by TCP, all its addresses in turn, for at most `milliseconds` besides the
// look-up of its name; stops when `bell` becomes readable. A descriptor that does not block, or -1
// and `failure`.
int berth_dial(
    const char *host, const char *port, int bell, int milliseconds,
    struct berth_dial_failure *failure);

// A connected Unix socket, or -1.
int berth_dial_unix(const char *path);
