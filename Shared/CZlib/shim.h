#pragma once
#include <zlib.h>

// zlib's initialisers are macros over a version check; Swift sees only functions.
// 15 + 16: the largest window, and a gzip member around it.
static inline int berth_inflate_init_gzip(z_streamp stream) {
    return inflateInit2(stream, 15 + 16);
}
