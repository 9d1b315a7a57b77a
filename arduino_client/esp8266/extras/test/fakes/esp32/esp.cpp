#include "Arduino.h"
#include "test_control.h"

EspClass ESP;

// The layouts are those of the ESP8266; here the partition table decides.
void fake::setLayout(Layout) {}

uint32_t EspClass::getMaxAllocHeap() { return fake::heap.maxBlock; }
uint32_t EspClass::getFreeHeap() { return fake::heap.maxBlock; }
uint32_t esp_random() { return fake::nextRandom(); }

esp_reset_reason_t esp_reset_reason() {
  switch (fake::reset) {
    case fake::Reset::PowerOn:
      return ESP_RST_POWERON;
    case fake::Reset::Software:
      return ESP_RST_SW;
    case fake::Reset::Watchdog:
      return ESP_RST_TASK_WDT;
    case fake::Reset::DeepSleep:
      return ESP_RST_DEEPSLEEP;
  }
  return ESP_RST_UNKNOWN;
}
