#include "Arduino.h"
#include "test_control.h"

EspClass ESP;

// The layouts are those of the ESP8266; here the partition table decides.
void fake::setLayout(Layout) {}

uint32_t EspClass::getMaxAllocHeap() { return fake::heap.maxBlock; }
uint32_t EspClass::getFreeHeap() { return fake::heap.freeBytes; }
uint32_t esp_random() { return fake::nextRandom(); }

namespace {
esp_reset_reason_t reset = ESP_RST_POWERON;
}
esp_reset_reason_t esp_reset_reason() { return reset; }

void fake::setReset(Reset why) {
  switch (why) {
    case Reset::PowerOn:
      reset = ESP_RST_POWERON;
      break;
    case Reset::Restart:
      reset = ESP_RST_SW;
      break;
    case Reset::Exception:
      reset = ESP_RST_PANIC;
      break;
    case Reset::Watchdog:
      reset = ESP_RST_TASK_WDT;
      break;
    case Reset::DeepSleep:
      reset = ESP_RST_DEEPSLEEP;
      break;
  }
}
