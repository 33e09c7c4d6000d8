// mallopt(3), which the Glibc module leaves out.
#include <malloc.h>
