#include "berth_ssh.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

// What libssh.a has and its headers do not declare. The linker sends libssh's own calls of
// _ssh_buffer_pack and ssh_socket_write here first (--wrap, see Package.swift).
struct ssh_socket_struct;
int ssh_buffer_pack_va(
    struct ssh_buffer_struct *buffer, const char *format, size_t count, va_list arguments);
int ssh_buffer_add_data(ssh_buffer buffer, const void *data, uint32_t count);
int ssh_global_request(ssh_session session, const char *request, ssh_buffer buffer, int reply);
void ssh_packet_set_callbacks(ssh_session session, ssh_packet_callbacks callbacks);
int __real_ssh_socket_write(struct ssh_socket_struct *socket, const void *bytes, uint32_t count);

enum {
    first_message = 80,
    last_message = 100,
    disconnect_message = 1,
    message_count = last_message - first_message + 1,
};

// How libssh itself begins.
static const char library_line[] = "SSH-2.0-libssh";
// Ends every argument list of _ssh_buffer_pack; libssh aborts without it.
static const uint32_t end_of_arguments = 0x4f65feb3;

// One message on its way into libssh's output buffer.
static _Thread_local const void *outgoing;
static _Thread_local size_t outgoing_count;
static _Thread_local const char *identification;

struct berth_ssh_hook {
    berth_ssh_message_function function;
    void *owner;
    ssh_packet_callback messages[message_count];
    ssh_packet_callback disconnect[1];
    struct ssh_packet_callbacks_struct messages_entry;
    struct ssh_packet_callbacks_struct disconnect_entry;
};

static void hand_over(berth_ssh_hook *hook, uint8_t type, ssh_buffer packet) {
    uint32_t count = ssh_buffer_get_len(packet);
    uint8_t *message = malloc((size_t)count + 1);
    if (message == NULL) abort();
    message[0] = type;
    if (count > 0) memcpy(message + 1, ssh_buffer_get(packet), count);
    hook->function(hook->owner, message, (size_t)count + 1);
    free(message);
}

static int received(ssh_session session, uint8_t type, ssh_buffer packet, void *user) {
    (void)session;
    hand_over(user, type, packet);
    return SSH_PACKET_USED;
}

static int disconnected(ssh_session session, uint8_t type, ssh_buffer packet, void *user) {
    (void)session;
    hand_over(user, type, packet);
    return SSH_PACKET_NOT_USED;
}

berth_ssh_hook *berth_ssh_hook_new(
    ssh_session session, berth_ssh_message_function function, void *owner) {
    berth_ssh_hook *hook = calloc(1, sizeof *hook);
    if (hook == NULL) return NULL;
    hook->function = function;
    hook->owner = owner;
    for (int i = 0; i < message_count; i++) hook->messages[i] = received;
    hook->disconnect[0] = disconnected;
    hook->messages_entry = (struct ssh_packet_callbacks_struct){
        .start = first_message,
        .n_callbacks = message_count,
        .callbacks = hook->messages,
        .user = hook,
    };
    hook->disconnect_entry = (struct ssh_packet_callbacks_struct){
        .start = disconnect_message,
        .n_callbacks = 1,
        .callbacks = hook->disconnect,
        .user = hook,
    };
    ssh_packet_set_callbacks(session, &hook->messages_entry);
    ssh_packet_set_callbacks(session, &hook->disconnect_entry);
    return hook;
}

void berth_ssh_hook_free(berth_ssh_hook *hook) { free(hook); }

void berth_ssh_identify(const char *line) { identification = line; }

int berth_ssh_send(ssh_session session, const void *bytes, size_t count) {
    outgoing = bytes;
    outgoing_count = count;
    // Packs one message, which is replaced below, and sends it.
    int result = ssh_global_request(session, "", NULL, 0);
    int isTaken = outgoing == NULL;
    outgoing = NULL;
    return isTaken ? result : SSH_ERROR;
}

int __wrap__ssh_buffer_pack(
    struct ssh_buffer_struct *buffer, const char *format, size_t count, ...) {
    if (outgoing != NULL) {
        const void *bytes = outgoing;
        outgoing = NULL;
        return ssh_buffer_add_data(buffer, bytes, (uint32_t)outgoing_count) < 0 ? SSH_ERROR
                                                                               : SSH_OK;
    }
    va_list arguments;
    va_start(arguments, count);
    // The two identification lines, for the hash of the key exchange (RFC 4253 section 8): ours is
    // another than libssh believes.
    if (identification != NULL && strcmp(format, "ss") == 0) {
        va_list look;
        va_copy(look, arguments);
        const char *client = va_arg(look, const char *);
        const char *server = va_arg(look, const char *);
        va_end(look);
        if (client != NULL && strncmp(client, library_line, sizeof library_line - 1) == 0) {
            va_end(arguments);
            return __wrap__ssh_buffer_pack(
                buffer, "ss", count, identification, server, end_of_arguments);
        }
    }
    int result = ssh_buffer_pack_va(buffer, format, count, arguments);
    va_end(arguments);
    return result;
}

int __wrap_ssh_socket_write(struct ssh_socket_struct *socket, const void *bytes, uint32_t count) {
    size_t length = identification == NULL ? 0 : strlen(identification);
    if (length == 0 || count < sizeof library_line - 1 || length > 253
        || memcmp(bytes, library_line, sizeof library_line - 1) != 0) {
        return __real_ssh_socket_write(socket, bytes, count);
    }
    char line[256];
    memcpy(line, identification, length);
    memcpy(line + length, "\r\n", 2);
    return __real_ssh_socket_write(socket, line, (uint32_t)length + 2);
}
