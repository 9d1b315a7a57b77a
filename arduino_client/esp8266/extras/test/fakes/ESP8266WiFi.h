#pragma once

#include "WiFiClient.h"

typedef enum { WL_IDLE_STATUS = 0, WL_CONNECTED = 3, WL_DISCONNECTED = 7 } wl_status_t;

class ESP8266WiFiClass {
 public:
  wl_status_t status();
  int hostByName(const char* name, IPAddress& out, uint32_t timeoutMs);
};
extern ESP8266WiFiClass WiFi;
