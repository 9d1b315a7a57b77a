#pragma once

#include <Arduino.h>
#include <stddef.h>
#include <stdint.h>

// With WiFi, so that a sketch need not include it by chip.
#if defined(ESP32)
#include <NetworkClient.h>
#include <WiFi.h>
#else
#include <ESP8266WiFi.h>
#include <WiFiClient.h>
#endif

namespace smserver {

// The client of an open TCP or TLS connection.
#if defined(ESP32)
using TcpClient = NetworkClient;
#else
using TcpClient = WiFiClient;
#endif

// What the library needs of the chip and its core, apart from flash
// (kv_flash.h) and TLS (SMServerTls). chip_esp8266.cpp and chip_esp32.cpp
// implement it; nothing else in the library depends on the chip.
namespace chip {

// 32 bits of the hardware's random number generator.
uint32_t randomBits();

uint32_t freeHeapBytes();
// Largest block that can be allocated.
uint32_t largestBlockBytes();

bool wifiUp();
// Signal strength in dBm, 0 when not joined.
int rssiDbm();
// Looks a name up; at most `timeoutMs`.
bool resolve(const char* host, uint32_t timeoutMs);
// Opens a TCP or TLS connection; at most `timeoutMs`, which on TCP also limits
// each write later on.
bool connect(TcpClient& client, const char* host, uint16_t port,
             uint32_t timeoutMs);
// Gives way to the Wi-Fi stack while something is waited for.
void pause();

// "esp8266", "esp32", "esp32s3", ...
const __FlashStringHelper* board();
// "power on", "deep sleep", ...
const __FlashStringHelper* resetReason();
bool wokeFromDeepSleep();

// A few bytes that survive deep sleep, not a power cut. False when they cannot
// be read or written.
constexpr size_t kKeptBytes = 16;
bool readKept(uint32_t (&words)[kKeptBytes / 4]);
bool writeKept(const uint32_t (&words)[kKeptBytes / 4]);

}  // namespace chip
}  // namespace smserver
