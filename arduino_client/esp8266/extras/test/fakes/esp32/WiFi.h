#pragma once

#include "Network.h"
#include "NetworkClient.h"

typedef enum {
  WL_IDLE_STATUS = 0,
  WL_CONNECTED = 3,
  WL_DISCONNECTED = 6
} wl_status_t;

typedef enum { WIFI_MODE_STA = 1 } wifi_mode_t;
#define WIFI_STA WIFI_MODE_STA

class WiFiClass {
 public:
  // For the examples.
  uint8_t* macAddress(uint8_t* mac) { return mac; }
  bool mode(wifi_mode_t) { return true; }
  wl_status_t begin(const char*, const char*) { return WL_IDLE_STATUS; }

  wl_status_t status();
  int8_t RSSI();
  int hostByName(const char* name, IPAddress& out);
};
extern WiFiClass WiFi;
