#pragma once

#include "CProcess.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A child the gateway waits for: a program, or a job done for one request.
struct task {
    pid_t pid;
    uint32_t id;
    int is_job;
};

struct init {
    int socket;
    // Upper limit of processes of this user inside the sandbox, 0 for none.
    unsigned long process_limit;
    const char *home;
    struct task *tasks;
    size_t task_count;
    size_t task_room;
};

// What a job does with its payload; the value is an errno.
typedef int job(const struct init *init, uint32_t id, const char *payload, size_t length);

void report(
    const struct init *init, uint32_t kind, uint32_t id, int value, const int *fds, size_t count
);
void start_program(struct init *init, uint32_t id, const int *fds, size_t count);
// Jobs run in a child of their own: they may wait for a disk or a peer.
void start_job(struct init *init, uint32_t id, const int *fds, size_t count, job *work);
void signal_task(struct init *init, uint32_t id, int number);
void reap_tasks(struct init *init);

int put_file(const struct init *init, uint32_t id, const char *payload, size_t length);
int dial(const struct init *init, uint32_t id, const char *payload, size_t length);
int listen_at(const struct init *init, uint32_t id, const char *payload, size_t length);
int remove_socket(const struct init *init, uint32_t id, const char *payload, size_t length);
