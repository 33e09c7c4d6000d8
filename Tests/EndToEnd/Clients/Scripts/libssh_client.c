/* Logs in with libssh: a command, a file by sftp, a forwarded connection.
 *
 * Usage: libssh_client HOST PORT USER KEY KNOWN_HOSTS FILE-AT-THE-OTHER-END
 */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssh_session session;

static void check(const char *claim, int holds) {
    if (holds) return;
    fprintf(stderr, "%s: %s\n", claim, ssh_get_error(session));
    exit(1);
}

static int read_all(ssh_channel channel, char *buffer, int size, int is_stderr) {
    int filled = 0, count;
    while (filled < size &&
           (count = ssh_channel_read(channel, buffer + filled, size - filled, is_stderr)) > 0)
        filled += count;
    return filled;
}

static void command(void) {
    char text[64] = "";
    ssh_channel channel = ssh_channel_new(session);
    check("a session", ssh_channel_open_session(channel) == SSH_OK);
    check("a command",
          ssh_channel_request_exec(channel, "cat; echo err >&2; exit 7") == SSH_OK);
    check("its input", ssh_channel_write(channel, "in", 2) == 2);
    check("the end of its input", ssh_channel_send_eof(channel) == SSH_OK);
    check("its output", read_all(channel, text, sizeof text, 0) == 2 && !memcmp(text, "in", 2));
    check("its errors", read_all(channel, text, sizeof text, 1) == 4 && !memcmp(text, "err\n", 4));
    check("its exit status", ssh_channel_get_exit_status(channel) == 7);
    ssh_channel_free(channel);
}

static void file(const char *name) {
    static char data[300000], back[300001];
    for (size_t at = 0; at < sizeof data; at++) data[at] = (char)(at * 31 + at / 251);
    sftp_session sftp = sftp_new(session);
    check("sftp", sftp && sftp_init(sftp) == SSH_OK);
    sftp_file there = sftp_open(sftp, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    check("a file", there != NULL);
    for (size_t at = 0; at < sizeof data; at += 30000)
        check("writing", sftp_write(there, data + at, 30000) == 30000);
    sftp_close(there);
    there = sftp_open(sftp, name, O_RDONLY, 0);
    check("the file again", there != NULL);
    size_t filled = 0;
    ssize_t count;
    while ((count = sftp_read(there, back + filled, sizeof back - filled)) > 0) filled += count;
    check("the file is the same", filled == sizeof data && !memcmp(data, back, filled));
    sftp_close(there);
    check("removing it", sftp_unlink(sftp, name) == SSH_OK);
    sftp_free(sftp);
}

/* A connection to a server that a session of the same login runs. */
static void forward(void) {
    char text[64] = "";
    int port = 0;
    ssh_channel server = ssh_channel_new(session);
    check("a session", ssh_channel_open_session(server) == SSH_OK);
    check("a server",
          ssh_channel_request_exec(
              server, "exec python3 -c '\n"
                      "import socket\n"
                      "s = socket.create_server((\"127.0.0.1\", 0))\n"
                      "print(\"port\", s.getsockname()[1], \".\", flush=True)\n"
                      "c = s.accept()[0]\n"
                      "c.sendall(c.recv(100))\n"
                      "c.close()'") == SSH_OK);
    for (int filled = 0; !strchr(text, '.');) {
        int count = ssh_channel_read(server, text + filled, sizeof text - 1 - filled, 0);
        check("its port", count > 0);
        filled += count;
    }
    check("its port", sscanf(text, "port %d .", &port) == 1);
    ssh_channel channel = ssh_channel_new(session);
    check("a forwarded connection",
          ssh_channel_open_forward(channel, "127.0.0.1", port, "127.0.0.1", 1) == SSH_OK);
    check("its input", ssh_channel_write(channel, "forwarded", 9) == 9);
    check("what comes back",
          read_all(channel, text, sizeof text, 0) == 9 && !memcmp(text, "forwarded", 9));
    ssh_channel_free(channel);
    ssh_channel_free(server);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    alarm(80);
    session = ssh_new();
    int off = 0;
    unsigned port = (unsigned)atoi(argv[2]);
    ssh_key key;
    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off);
    ssh_options_set(session, SSH_OPTIONS_HOST, argv[1]);
    ssh_options_set(session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session, SSH_OPTIONS_USER, argv[3]);
    ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, argv[5]);
    ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    check("the connection", ssh_connect(session) == SSH_OK);
    check("the host key", ssh_session_is_known_server(session) == SSH_KNOWN_HOSTS_OK);
    check("the key", ssh_pki_import_privkey_file(argv[4], NULL, NULL, NULL, &key) == SSH_OK);
    check("the login", ssh_userauth_publickey(session, NULL, key) == SSH_AUTH_SUCCESS);
    command();
    file(argv[6]);
    forward();
    ssh_disconnect(session);
    puts("ok");
    return 0;
}
