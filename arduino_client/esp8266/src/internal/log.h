#pragma once

#include <Arduino.h>

#include "../SMServerConfig.h"

#if defined(ESP32)
#define SM_LOG_PRINTF SMSERVER_LOG_PORT.printf
#else
#define SM_LOG_PRINTF SMSERVER_LOG_PORT.printf_P
#endif

// Levels above SMSERVER_LOG_LEVEL compile to nothing. Credentials are never
// passed in.
#define SM_LOG_AT(level, format, ...)                            \
  do {                                                           \
    if (SMSERVER_LOG_LEVEL >= level) {                           \
      SM_LOG_PRINTF(PSTR("[sm] " format "\n"), ##__VA_ARGS__);   \
    }                                                            \
  } while (0)

#define SM_ERROR(format, ...) SM_LOG_AT(1, format, ##__VA_ARGS__)
#define SM_INFO(format, ...) SM_LOG_AT(2, format, ##__VA_ARGS__)
#define SM_DEBUG(format, ...) SM_LOG_AT(3, format, ##__VA_ARGS__)
