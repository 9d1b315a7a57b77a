// Knobs of the fakes.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fake {

// ---- clock. Frozen unless real; millis() wraps at 32 bits as on the chip.
void setMillis(uint32_t now);
void advance(uint32_t ms);
// Real time from now on, plus whatever was set or is advanced.
void useRealTime();
// Called whenever the library or a fake gives way, for whoever is at the other
// end of the line.
extern std::function<void()> onYield;
// ESP8266: runs what was scheduled, as its core does in every pause.
extern void (*runScheduled)();
// What time() tells: as good as nothing until NTP has set it.
extern int64_t systemTime;

// ---- serial port: into this text, or to stderr when there is none.
extern std::string* serial;

// ---- flash. On the ESP8266 4 KiB sectors that erase to 0xFF, where writing
// clears bits only; on the ESP32 the entries of NVS; files on both.
constexpr size_t kSectorBytes = 4096;
struct Flash {
  std::map<uint32_t, std::vector<uint8_t>> sectors;  // those ever touched
  std::map<std::string, std::vector<uint8_t>> nvs;   // "namespace/key"
  std::map<std::string, std::vector<uint8_t>> files;
  // Room for keys and values in NVS, and for files.
  size_t nvsBytes = 16384, fileBytes = 1048576;
  // Bytes of erase and write left until the power goes; < 0 means never.
  long cutAfter = -1;
  bool cut = false;
  // What an erase that is cut leaves where it was cut.
  bool scramble = false;
  // Erase from the end of the sector backwards.
  bool backwards = false;
  bool failErase = false, failWrite = false, failRead = false;
  size_t erases = 0, writes = 0;
  std::vector<uint8_t>& sector(uint32_t index);
  void powerUp();
  // One byte of work; false when the power is gone.
  bool spend();
};
extern Flash flash;
// The contents outlive the program in a file.
void loadFlash(const char* path);
void saveFlash(const char* path);
// ESP8266: no file system, a file system with a spare sector behind it, or
// without.
enum class Layout { NoFileSystem, SpareSector, FileSystemToEeprom };
void setLayout(Layout layout);
constexpr uint32_t kEepromSector = 0x3FB;

// ---- reset: why the chip started.
enum class Reset { PowerOn, Restart, Exception, Watchdog, DeepSleep };
void setReset(Reset why);

// ---- heap: counts what the library itself allocates.
struct Heap {
  size_t live = 0;  // blocks
  size_t liveBytes = 0;
  size_t allocations = 0;
  long failAt = -1;  // the n-th allocation from now fails; < 0 never
  bool failed = false;
  uint32_t maxBlock = 40000;  // largest block that the chip reports
  uint32_t freeBytes = 40000;
};
extern Heap heap;
// Allocations in this scope are the fakes' or the test's own.
struct Uncounted {
  Uncounted();
  ~Uncounted();
};
// Inside of which those in this scope are the library's again.
struct Counted {
  Counted();
  ~Counted();
  int saved;
};

// ---- random numbers: the given ones in turn, then a fixed sequence.
extern std::vector<uint32_t> randoms;
uint32_t nextRandom();

}  // namespace fake
