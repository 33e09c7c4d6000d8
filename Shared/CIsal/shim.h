#pragma once
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

// What level 1 needs beside its state; Swift does not see the macro.
enum { berth_isal_tables = ISAL_DEF_LVL1_DEFAULT };
