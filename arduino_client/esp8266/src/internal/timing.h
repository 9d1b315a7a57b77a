#pragma once

#include <stdint.h>

#include "../SMServerConfig.h"

namespace smserver {

// millis() wraps after 49.7 days; this does not, as long as it is read once in
// that time.
class Uptime {
 public:
  void begin();
  // Reads the clock.
  uint64_t ms() const;

 private:
  mutable uint64_t total_ = 0;
  mutable uint32_t last_ = 0;
};

// Exponential backoff with full jitter: a wait is anything from 0 to the step,
// and the step doubles from 1 s to 5 min.
class Backoff {
 public:
  // Wait in milliseconds after one more failure.
  uint32_t next(uint32_t random) {
    const uint32_t step = stepMs();
    if (failures_ < 31) ++failures_;
    return random % (step + 1);
  }
  void reset() { failures_ = 0; }
  uint8_t failures() const { return failures_; }
  uint32_t stepMs() const {
    uint32_t step = SMSERVER_BACKOFF_FIRST_MS;
    for (uint8_t i = 0; i < failures_ && step < SMSERVER_BACKOFF_MAX_MS; ++i) {
      step *= 2;
    }
    return step < SMSERVER_BACKOFF_MAX_MS ? step : SMSERVER_BACKOFF_MAX_MS;
  }

 private:
  uint8_t failures_ = 0;
};

// Before 2024 a clock has not been set.
constexpr uint32_t kEarliestS = 1704067200;

// The time that NTP or the sketch has given to the core, 0 when nobody has.
uint32_t systemTimeS();

// The time of day: milliseconds since 1970 at some moment of Uptime.
class WallClock {
 public:
  // How the time was learnt, weakest first. Only the last is believed for
  // anything but certificates.
  enum class Source : uint8_t { None, Stored, Unverified, Server };

  void set(uint32_t unixS, uint64_t uptimeMs, Source source) {
    baseMs_ = int64_t{unixS} * 1000 - static_cast<int64_t>(uptimeMs);
    source_ = source;
  }
  Source source() const { return source_; }
  // Also of a moment before set().
  uint64_t unixMs(uint64_t uptimeMs) const {
    return source_ == Source::None
               ? 0
               : static_cast<uint64_t>(baseMs_ +
                                       static_cast<int64_t>(uptimeMs));
  }
  uint32_t unixS(uint64_t uptimeMs) const {
    return static_cast<uint32_t>(unixMs(uptimeMs) / 1000);
  }
  // Told by the server since the start.
  bool trusted() const { return source_ == Source::Server; }

 private:
  int64_t baseMs_ = 0;
  Source source_ = Source::None;
};

// A moment, on both clocks.
struct Moment {
  uint64_t uptimeMs;
  uint64_t unixMs;  // 0 when the time is not known

  // The Unix time of an uptime up to now.
  uint64_t unixAt(uint64_t uptime) const {
    return unixMs == 0 ? 0 : unixMs - (uptimeMs - uptime);
  }
};

// Milliseconds after which a token that lives `lifetimeS` is renewed: 80 %.
inline uint64_t renewAfterMs(uint32_t lifetimeS) {
  return static_cast<uint64_t>(lifetimeS) * 800;
}

}  // namespace smserver
