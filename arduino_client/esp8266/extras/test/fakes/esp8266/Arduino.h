// Just those parts of the ESP8266 core 3.1.2 that the library uses, for tests
// on a PC and for compiling for the chip. Declarations follow the core's
// headers; the behaviour is in the .cpp files here and in common/.
// test_control.h has the knobs.
#pragma once

#ifdef __XTENSA__
// Constants in flash, as the core's pgmspace.h places them, so that the sizes
// tell flash from RAM.
#define FAKE_TEXT_(x) #x
#define FAKE_TEXT(x) FAKE_TEXT_(x)
#define PROGMEM                                                  \
  __attribute__((section("\".irom.text." __FILE__ "." FAKE_TEXT( \
      __LINE__) "." FAKE_TEXT(__COUNTER__) "\"")))
#define PSTR(text)                                                        \
  (__extension__({                                                        \
    static const char flash_text_[] __attribute__((aligned(4))) PROGMEM = \
        (text);                                                           \
    &flash_text_[0];                                                      \
  }))
#else
#define PROGMEM
#define PSTR(text) (text)
#endif
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

constexpr uint8_t A0 = 17, LED_BUILTIN = 2;

class EspClass {
 public:
  bool flashEraseSector(uint32_t sector);
  bool flashWrite(uint32_t address, const uint32_t* data, size_t bytes);
  bool flashRead(uint32_t address, uint32_t* data, size_t bytes);
  uint32_t getMaxFreeBlockSize();
  uint32_t getFreeHeap();
  bool rtcUserMemoryRead(uint32_t offset, uint32_t* data, size_t bytes);
  bool rtcUserMemoryWrite(uint32_t offset, uint32_t* data, size_t bytes);
  uint32_t random();
  void restart() {}
};
extern EspClass ESP;

// The random number generator of the chip.
#define RANDOM_REG32 (ESP.random())
