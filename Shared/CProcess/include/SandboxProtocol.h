#pragma once

// What the gateway and a sandbox's first process say to each other.
//
// The socket is AF_UNIX SOCK_SEQPACKET: one message, one packet, descriptors attached. Everything
// of variable size travels in a memory file whose descriptor is attached, so that neither side
// ever holds half a message. Both are built from one source tree and speak one version only.

#include <stdint.h>
#include <termios.h>

enum {
    // To the init. `id` names the request and everything that follows from it.
    BERTH_START = 1,    // [payload, stdin, stdout, stderr], or [payload] for a terminal
    BERTH_SIGNAL = 2,   // value: signal number, sent to the program's process group
    BERTH_PUT_FILE = 3, // [payload]
    BERTH_DIAL = 4,     // [payload]
    BERTH_LISTEN = 5,   // [payload]
    BERTH_REMOVE = 6,   // [payload]: a path; only sockets are removed

    // From the init.
    BERTH_READY = 64,
    BERTH_STARTED = 65, // value: errno, 0 when it runs; with a terminal its master is attached
    BERTH_EXITED = 66,  // value: the wait status, see wait(2)
    BERTH_DONE = 67,    // value: errno of a finished PUT_FILE, DIAL, LISTEN or REMOVE
    BERTH_DIALED = 68,  // [connected socket]; a DONE follows
    BERTH_LISTENED = 69, // [listening sockets], value: port or display; a DONE follows
};

enum { BERTH_MAX_DESCRIPTORS = 4 };

struct berth_message {
    uint32_t kind;
    uint32_t id;
    int32_t value;
    uint32_t reserved;
};

// Payload of BERTH_START: this header, then NUL-terminated strings in this order: the working
// directory, the file to execute, `argument_count` arguments, `environment_count` assignments.
struct berth_start {
    uint32_t has_terminal;
    uint32_t argument_count;
    uint32_t environment_count;
    uint16_t rows;
    uint16_t columns;
    uint16_t pixel_width;
    uint16_t pixel_height;
    struct termios modes;
};

// Payload of BERTH_PUT_FILE: this header, the path with its NUL, the content.
struct berth_put_file {
    uint32_t mode;
    uint32_t path_length;
};

// Payload of BERTH_DIAL: this header, then host or path with its NUL.
struct berth_dial {
    uint32_t is_unix;
    uint32_t port;
};

enum {
    // An empty host means all interfaces, `localhost` the loopback addresses of both families.
    BERTH_LISTEN_TCP = 0,
    BERTH_LISTEN_UNIX = 1,
    // A socket of an X11 server, for the first display from `port` on that is free.
    BERTH_LISTEN_DISPLAY = 2,
};

// Payload of BERTH_LISTEN: this header, then host or path with its NUL.
struct berth_listen {
    uint32_t kind;
    uint32_t port;
};
