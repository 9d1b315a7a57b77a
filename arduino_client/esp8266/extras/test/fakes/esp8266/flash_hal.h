// The linker's addresses, as variables that a test may set.
#pragma once

#include <stdint.h>

extern uint32_t fakeFsStart, fakeFsEnd, fakeEepromStart;
#define FS_start fakeFsStart
#define FS_end fakeFsEnd
#define EEPROM_start fakeEepromStart
