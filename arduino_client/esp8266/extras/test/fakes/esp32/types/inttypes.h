// The formats of the integer types in bits/.
#pragma once

#include_next <inttypes.h>

#undef PRId32
#undef PRIi32
#undef PRIo32
#undef PRIu32
#undef PRIx32
#undef PRIX32
#define PRId32 "ld"
#define PRIi32 "li"
#define PRIo32 "lo"
#define PRIu32 "lu"
#define PRIx32 "lx"
#define PRIX32 "lX"
