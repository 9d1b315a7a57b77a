// In place of the C library's: on the ESP32 uint32_t is unsigned long, so that
// overloads, templates and formats differ from the ESP8266. Needs -m32.
#pragma once

#include <bits/types.h>

typedef __uint8_t uint8_t;
typedef __uint16_t uint16_t;
typedef unsigned long uint32_t;
typedef __uint64_t uint64_t;
