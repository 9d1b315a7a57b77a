#pragma once

#include "WiFiClient.h"

typedef enum {
  WL_IDLE_STATUS = 0,
  WL_CONNECTED = 3,
  WL_DISCONNECTED = 7
} wl_status_t;

enum WiFiMode_t { WIFI_STA = 1 };

class ESP8266WiFiClass {
 public:
  // For the examples.
  uint8_t* macAddress(uint8_t* mac) { return mac; }
  bool mode(WiFiMode_t) { return true; }
  wl_status_t begin(const char*, const char*) { return WL_IDLE_STATUS; }

  wl_status_t status();
  int32_t RSSI();
  int hostByName(const char* name, IPAddress& out, uint32_t limitMs);
};
extern ESP8266WiFiClass WiFi;
