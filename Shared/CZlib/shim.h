#pragma once
#include <zlib.h>

// zlib's initialisers are macros over a version check; Swift sees only functions.
static inline int berth_deflate_init_raw(z_streamp stream, int level, int window, int memory) {
    return deflateInit2(stream, level, Z_DEFLATED, -window, memory, Z_DEFAULT_STRATEGY);
}

// 15 + 16: the largest window, and a gzip member around it.
static inline int berth_inflate_init_gzip(z_streamp stream) {
    return inflateInit2(stream, 15 + 16);
}
