// The ESP32 family: arduino-esp32 3.x.
#if defined(ESP32)

#include <WiFi.h>
#include <esp_random.h>
#include <esp_system.h>
#include <string.h>

#include "chip.h"

namespace smserver {
namespace chip {
namespace {

// Slow RTC memory keeps its contents in deep sleep, and this attribute spares
// it from being cleared at the start.
RTC_NOINIT_ATTR uint32_t kept[kKeptBytes / 4];

}  // namespace

uint32_t randomBits() { return esp_random(); }

uint32_t freeHeapBytes() { return ESP.getFreeHeap(); }
uint32_t largestBlockBytes() { return ESP.getMaxAllocHeap(); }

bool wifiUp() { return WiFi.status() == WL_CONNECTED; }
int rssiDbm() { return wifiUp() ? WiFi.RSSI() : 0; }

bool resolve(const char* host, uint32_t) {
  // The core has a time limit of its own; lwIP keeps the answer.
  IPAddress address;
  return WiFi.hostByName(host, address) == 1;
}

bool connect(TcpClient& client, const char* host, uint16_t port,
             uint32_t timeoutMs) {
  client.setConnectionTimeout(timeoutMs);
  if (client.connect(host, port) != 1) return false;
  client.setNoDelay(true);
  return true;
}

void pause() { delay(1); }

const __FlashStringHelper* board() { return F(CONFIG_IDF_TARGET); }

const __FlashStringHelper* resetReason() {
  switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
      return F("power on");
    case ESP_RST_EXT:
      return F("reset pin");
    case ESP_RST_SW:
      return F("restart");
    case ESP_RST_PANIC:
      return F("exception");
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
      return F("watchdog");
    case ESP_RST_DEEPSLEEP:
      return F("deep sleep");
    case ESP_RST_BROWNOUT:
      return F("brownout");
    default:
      return F("unknown");
  }
}

bool wokeFromDeepSleep() { return esp_reset_reason() == ESP_RST_DEEPSLEEP; }

bool readKept(uint32_t (&words)[kKeptBytes / 4]) {
  memcpy(words, kept, kKeptBytes);
  return true;
}

bool writeKept(const uint32_t (&words)[kKeptBytes / 4]) {
  memcpy(kept, words, kKeptBytes);
  return true;
}

}  // namespace chip
}  // namespace smserver

#endif
