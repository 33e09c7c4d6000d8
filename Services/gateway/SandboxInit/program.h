#pragma once

#include "tasks.h"

// A program as asked for; the strings point into the payload.
struct program {
    const struct berth_start *start;
    const char *folder;
    const char *file;
    char **arguments;
    char **environment;
    int master;
    // What becomes descriptors 0, 1 and 2.
    int streams[3];
    int owns_streams;
};

int read_program(
    struct program *program, const char *payload, size_t length, const int *fds, size_t count
);
int open_terminal(struct program *program);
_Noreturn void run_program(const struct init *init, const struct program *program);
void forget_program(struct program *program);
