/* An SSH server on libssh, measured beside Berth: N threads, each with its own epoll and listener.
 *
 *   libssh-server PORT HOSTKEY THREADS
 *
 * Everybody may log in with a key. `cat-inside`, `sink` and `zeros N` run inside the server, without
 * a process: `sink` says "ready" and, at the end of its input, "done"; `zeros` says "ready" and
 * waits for any byte. Anything else runs under /bin/sh with pipes, as a gateway has it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 128 << 10, PIPE = 256 << 10, BACKLOG = 1 << 20 };

enum mode { NONE, CAT, SINK, ZEROS, PROGRAM };

/* What one epoll registration stands for. */
struct source {
    struct session *session;
    int fd;
    uint32_t interest;
};

struct session {
    ssh_session ssh;
    ssh_event event;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    struct source socket, output, input;
    enum mode mode;
    uint64_t left;
    char *pending;
    size_t start, end;
    pid_t child;
    int epoll;
    int saw_eof, finished, closed, dead, may_send;
    struct session *next_dead;
};

static char zeros[CHUNK];
static const char *host_key;
static int port;
static const char *ciphers = "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,"
                             "aes256-gcm@openssh.com,aes128-ctr,aes256-ctr";

static void watch(struct session *s, struct source *source, uint32_t interest) {
    if (source->fd < 0 || source->interest == interest) return;
    struct epoll_event event = {.events = interest, .data.ptr = source};
    int what = source->interest == ~0u ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    epoll_ctl(s->epoll, what, source->fd, &event);
    source->interest = interest;
}

static void drop(struct session *s, struct source *source) {
    if (source->fd < 0) return;
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    close(source->fd);
    source->fd = -1;
}

static int can_send(struct session *s) {
    return !(ssh_get_status(s->ssh) & SSH_WRITE_PENDING) &&
           ssh_channel_window_size(s->channel) > 0;
}

static void finish(struct session *s, int status) {
    if (s->finished) return;
    s->finished = 1;
    ssh_channel_send_eof(s->channel);
    ssh_channel_request_send_exit_status(s->channel, status);
    ssh_channel_close(s->channel);
}

/* Gives the program what waits for it. */
static void feed(struct session *s) {
    while (s->input.fd >= 0 && s->start < s->end) {
        ssize_t count = write(s->input.fd, s->pending + s->start, s->end - s->start);
        if (count < 0) {
            if (errno == EAGAIN) break;
            drop(s, &s->input);
            break;
        }
        s->start += (size_t)count;
    }
    if (s->start == s->end) {
        s->start = s->end = 0;
        if (s->saw_eof) drop(s, &s->input);
    }
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t length, int is_err,
                   void *user) {
    (void)ssh, (void)is_err;
    struct session *s = user;
    switch (s->mode) {
    case SINK:
    case ZEROS:
        s->may_send = 1;
        return (int)length;
    case CAT: return ssh_channel_write(channel, data, length);
    case PROGRAM: {
        size_t done = 0;
        if (s->start == s->end && s->input.fd >= 0) {
            ssize_t count = write(s->input.fd, data, length);
            if (count > 0) done = (size_t)count;
        }
        if (done == length) return (int)length;
        if (!s->pending) s->pending = malloc(2 * BACKLOG);
        if (s->start > 0) {
            memmove(s->pending, s->pending + s->start, s->end - s->start);
            s->end -= s->start;
            s->start = 0;
        }
        size_t room = 2 * BACKLOG - s->end, more = length - done;
        if (more > room) more = room;
        memcpy(s->pending + s->end, (char *)data + done, more);
        s->end += more;
        return (int)(done + more);
    }
    default: return 0;
    }
}

static void on_eof(ssh_session ssh, ssh_channel channel, void *user) {
    (void)ssh, (void)channel;
    ((struct session *)user)->saw_eof = 1;
}

static void on_close(ssh_session ssh, ssh_channel channel, void *user) {
    (void)ssh, (void)channel;
    ((struct session *)user)->closed = 1;
}

static void start_program(struct session *s, const char *command) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) exit(1);
    fcntl(in[0], F_SETPIPE_SZ, PIPE);
    fcntl(out[0], F_SETPIPE_SZ, PIPE);
    s->child = vfork();
    if (s->child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    s->input = (struct source){s, in[1], ~0u};
    s->output = (struct source){s, out[0], ~0u};
}

static void start_command(struct session *s, const char *command) {
    if (!strcmp(command, "cat-inside")) {
        s->mode = CAT;
    } else if (!strcmp(command, "sink")) {
        s->mode = SINK;
    } else if (!strncmp(command, "zeros ", 6)) {
        s->mode = ZEROS;
        s->left = strtoull(command + 6, NULL, 10);
    } else {
        s->mode = PROGRAM;
        start_program(s, command);
    }
}

static void handle(struct session *s, ssh_message message) {
    int type = ssh_message_type(message), subtype = ssh_message_subtype(message);
    if (type == SSH_REQUEST_AUTH && subtype == SSH_AUTH_METHOD_PUBLICKEY) {
        if (ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_NONE)
            ssh_message_auth_reply_pk_ok_simple(message);
        else
            ssh_message_auth_reply_success(message, 0);
    } else if (type == SSH_REQUEST_AUTH) {
        ssh_message_auth_set_methods(message, SSH_AUTH_METHOD_PUBLICKEY);
        ssh_message_reply_default(message);
    } else if (type == SSH_REQUEST_CHANNEL_OPEN && subtype == SSH_CHANNEL_SESSION && !s->channel) {
        s->channel = ssh_message_channel_request_open_reply_accept(message);
        s->callbacks.userdata = s;
        s->callbacks.channel_data_function = on_data;
        s->callbacks.channel_eof_function = on_eof;
        s->callbacks.channel_close_function = on_close;
        ssh_callbacks_init(&s->callbacks);
        ssh_set_channel_callbacks(s->channel, &s->callbacks);
    } else if (type == SSH_REQUEST_CHANNEL && subtype == SSH_CHANNEL_REQUEST_EXEC &&
               s->mode == NONE) {
        start_command(s, ssh_message_channel_request_command(message));
        ssh_message_channel_request_reply_success(message);
        if (s->mode == SINK || s->mode == ZEROS) ssh_channel_write(s->channel, "ready\n", 6);
    } else if (type == SSH_REQUEST_SERVICE) {
        ssh_message_service_reply_success(message);
    } else {
        ssh_message_reply_default(message);
    }
    ssh_message_free(message);
}

/* Moves bytes between channel and program; whether anything moved. */
static int service(struct session *s) {
    static __thread char buffer[CHUNK];
    int moved = 0;
    if (!s->channel || s->closed) return 0;
    if (s->mode == PROGRAM) {
        feed(s);
        if (s->end - s->start < BACKLOG / 4 && s->pending) {
            /* What the callback left behind; see libssh's half of flow control. */
            int count = ssh_channel_read_nonblocking(s->channel, s->pending + s->end,
                                                     (uint32_t)(2 * BACKLOG - s->end), 0);
            if (count > 0) s->end += (size_t)count, moved = 1, feed(s);
        }
        if (s->saw_eof) feed(s);
        while (s->output.fd >= 0 && can_send(s)) {
            uint32_t room = ssh_channel_window_size(s->channel);
            ssize_t count = read(s->output.fd, buffer, room < CHUNK ? room : CHUNK);
            if (count < 0 && errno == EAGAIN) break;
            moved = 1;
            if (count <= 0) {
                int status = 0;
                drop(s, &s->output);
                waitpid(s->child, &status, 0);
                finish(s, WEXITSTATUS(status));
                break;
            }
            ssh_channel_write(s->channel, buffer, (uint32_t)count);
        }
    }
    while (s->mode == ZEROS && s->may_send && s->left && can_send(s)) {
        uint32_t count = s->left < CHUNK ? (uint32_t)s->left : CHUNK;
        uint32_t room = ssh_channel_window_size(s->channel);
        int written = ssh_channel_write(s->channel, zeros, count < room ? count : room);
        if (written <= 0) break;
        s->left -= (uint64_t)written;
        moved = 1;
    }
    if (s->mode == ZEROS && !s->left) finish(s, 0);
    if (s->mode == SINK && s->saw_eof && !s->finished) ssh_channel_write(s->channel, "done\n", 5);
    if ((s->mode == SINK || s->mode == CAT) && s->saw_eof) finish(s, 0);
    return moved;
}

static void pump(struct session *s) {
    for (int round = 0; round < 64; round++) {
        int result = ssh_event_dopoll(s->event, 0);
        ssh_message message;
        int got = 0;
        while ((message = ssh_message_get(s->ssh))) got = 1, handle(s, message);
        int moved = service(s);
        if (result == SSH_ERROR || (ssh_get_status(s->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR))) {
            s->dead = 1;
            /* libssh may have closed it, and its number may soon be another connection's. */
            if (ssh_get_fd(s->ssh) == s->socket.fd)
                epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->socket.fd, NULL);
            return;
        }
        if (result == SSH_AGAIN && !got && !moved) break;
    }
    int wants_write = ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING;
    watch(s, &s->socket, EPOLLIN | (wants_write ? EPOLLOUT : 0));
    watch(s, &s->output, s->channel && can_send(s) ? EPOLLIN : 0);
    watch(s, &s->input, s->start < s->end ? EPOLLOUT : 0);
}

static void end(struct session *s) {
    drop(s, &s->output);
    drop(s, &s->input);
    ssh_event_remove_session(s->event, s->ssh);
    ssh_event_free(s->event);
    if (s->channel) ssh_remove_channel_callbacks(s->channel, &s->callbacks);
    ssh_disconnect(s->ssh);
    ssh_free(s->ssh);
    free(s->pending);
    free(s);
}

static void accept_one(int epoll, ssh_bind bind, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct session *s = calloc(1, sizeof *s);
    s->ssh = ssh_new();
    s->epoll = epoll;
    s->output.fd = s->input.fd = -1;
    s->socket = (struct source){s, fd, ~0u};
    if (ssh_bind_accept_fd(bind, s->ssh, fd) != SSH_OK) exit(2);
    ssh_set_blocking(s->ssh, 0);
    if (ssh_handle_key_exchange(s->ssh) == SSH_ERROR) {
        ssh_free(s->ssh);
        free(s);
        return;
    }
    s->event = ssh_event_new();
    ssh_event_add_session(s->event, s->ssh);
    watch(s, &s->socket, EPOLLIN | EPOLLOUT);
}

static int listen_here(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024)) {
        perror("listen");
        exit(2);
    }
    return fd;
}

static void *serve(void *unused) {
    (void)unused;
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_here(), no = 0;
    ssh_bind bind = ssh_bind_new();
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, host_key)) exit(2);
    /* Its own default ends with a comma, which strict clients refuse. */
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, -1);
        struct session *dead = NULL;
        for (int index = 0; index < count; index++) {
            struct source *source = events[index].data.ptr;
            if (!source) {
                accept_one(epoll, bind, listener);
                continue;
            }
            struct session *s = source->session;
            if (s->dead) continue;
            pump(s);
            if (s->dead) s->next_dead = dead, dead = s;
        }
        while (dead) {
            struct session *next = dead->next_dead;
            end(dead);
            dead = next;
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: libssh-server PORT HOSTKEY THREADS\n");
        return 64;
    }
    port = atoi(arguments[1]);
    host_key = arguments[2];
    int threads = atoi(arguments[3]);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    ssh_init();
    pthread_t thread;
    for (int index = 1; index < threads; index++) pthread_create(&thread, NULL, serve, NULL);
    serve(NULL);
    return 0;
}
