// See stdint-uintn.h.
#pragma once

#include <bits/types.h>

typedef __int8_t int8_t;
typedef __int16_t int16_t;
typedef long int32_t;
typedef __int64_t int64_t;
