// The ESP8266: core 3.1.2.
#if !defined(ESP32)

#include <ESP8266WiFi.h>
#include <user_interface.h>

#include "../SMServerConfig.h"
#include "chip.h"
#include "text_list.h"

// Esp.cpp of the core, and of its emulation on a PC.
extern struct rst_info resetInfo;

namespace smserver {
namespace chip {

uint32_t randomBits() { return RANDOM_REG32; }

uint32_t freeHeapBytes() { return ESP.getFreeHeap(); }
uint32_t largestBlockBytes() { return ESP.getMaxFreeBlockSize(); }

bool wifiUp() { return WiFi.status() == WL_CONNECTED; }
int rssiDbm() { return wifiUp() ? WiFi.RSSI() : 0; }

bool resolve(const char* host, uint32_t timeoutMs) {
  // lwIP keeps the answer, so that connecting by name does not wait again.
  IPAddress address;
  return WiFi.hostByName(host, address, timeoutMs) == 1;
}

bool connect(TcpClient& client, const char* host, uint16_t port,
             uint32_t timeoutMs) {
  client.setTimeout(timeoutMs);
  if (client.connect(host, port) != 1) return false;
  client.setNoDelay(true);
  return true;
}

void pause() { yield(); }

const __FlashStringHelper* board() { return F("esp8266"); }

const __FlashStringHelper* resetReason() {
  // In the order of the SDK's rst_reason.
  static const char kReasons[] PROGMEM =
      "power on\0hardware watchdog\0exception\0software watchdog\0restart\0"
      "deep sleep\0reset pin\0unknown";
  static_assert(REASON_DEFAULT_RST == 0 && REASON_EXT_SYS_RST == 6,
                "the texts are in this order");
  return textAt(kReasons, static_cast<uint8_t>(resetInfo.reason), 7);
}

bool wokeFromDeepSleep() { return resetInfo.reason == REASON_DEEP_SLEEP_AWAKE; }

// The core's emulation on a PC (tests/host) has no such memory.
#ifdef HOST_MOCK
bool readKept(uint32_t (&)[kKeptBytes / 4]) { return false; }
bool writeKept(const uint32_t (&)[kKeptBytes / 4]) { return false; }
#else
bool readKept(uint32_t (&words)[kKeptBytes / 4]) {
  return ESP.rtcUserMemoryRead(SMSERVER_RTC_BLOCK, words, kKeptBytes);
}

bool writeKept(const uint32_t (&words)[kKeptBytes / 4]) {
  // The core's call takes a pointer to data that it does not change.
  return ESP.rtcUserMemoryWrite(SMSERVER_RTC_BLOCK,
                                const_cast<uint32_t*>(words), kKeptBytes);
}
#endif

}  // namespace chip
}  // namespace smserver

#endif
