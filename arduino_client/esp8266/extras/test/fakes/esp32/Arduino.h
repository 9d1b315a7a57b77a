// Just those parts of arduino-esp32 3.x that the library uses, for tests on a
// PC. Declarations follow the core's headers; the behaviour is in the .cpp
// files here and in common/. test_control.h has the knobs.
#pragma once

#define PROGMEM
#define PSTR(text) (text)
#define PGM_P const char*
#define memcpy_P memcpy
#define strlen_P strlen
#define strcmp_P strcmp
#define strncmp_P strncmp
#define snprintf_P snprintf
#define strncpy_P strncpy
#define strcpy_P strcpy
#define strcat_P strcat
#define strnlen_P strnlen
#define strstr_P strstr
#define strcasecmp_P strcasecmp
#define strncasecmp_P strncasecmp
#define memcmp_P memcmp
#define pgm_read_byte(address) (*(const uint8_t*)(address))
#define pgm_read_dword(address) (*(const uint32_t*)(address))

#include "core.h"
#include "esp_random.h"
#include "esp_system.h"

constexpr uint8_t A0 = 36;  // not every board has LED_BUILTIN

class EspClass {
 public:
  uint32_t getMaxAllocHeap();
  uint32_t getFreeHeap();
  void restart() {}
};
extern EspClass ESP;

#define RTC_DATA_ATTR
#define RTC_NOINIT_ATTR

#define CONFIG_IDF_TARGET "esp32"
