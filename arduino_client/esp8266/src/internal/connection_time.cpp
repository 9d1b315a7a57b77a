// The time of day: who has told it, what it is good for, and when it is asked
// for.
#include <Arduino.h>
#include <time.h>

#include "connection.h"

namespace smserver {

void Uptime::begin() { last_ = millis(); }

uint64_t Uptime::ms() const {
  const uint32_t now = millis();
  total_ += static_cast<uint32_t>(now - last_);
  last_ = now;
  return total_;
}

uint32_t systemTimeS() {
  const time_t system = time(nullptr);
  return system > static_cast<time_t>(kEarliestS)
             ? static_cast<uint32_t>(system)
             : 0;
}

uint64_t Connection::unixMs(uint64_t at, uint64_t now) const {
  if (clock_.trusted()) return clock_.unixMs(at);
  const uint32_t system = systemTimeS();
  return system == 0 ? 0 : uint64_t{system} * 1000 - (now - at);
}

uint32_t Connection::certificateTimeS() const {
  const uint32_t own = clock_.unixS(now_);
  if (clock_.source() > WallClock::Source::Stored) return own;
  const uint32_t system = systemTimeS();
  return system > own ? system : own;
}

bool Connection::clockMissing(const Endpoint& endpoint) const {
  return clock_.source() == WallClock::Source::None && systemTimeS() == 0 &&
         net_.needsClock(endpoint);
}

bool Connection::askTime(const SMErrorInfo& error) {
  if (timeIsWrong_ || clock_.source() > WallClock::Source::Stored ||
      !net_.wrongTime(error)) {
    return false;
  }
  timeIsWrong_ = true;
  startRequest(Request::Time);
  return true;
}

void Connection::acceptTime(uint32_t dateS) {
  timeIsWrong_ = false;
  // Nobody vouches for this time, but it cannot be before what was known.
  if (dateS < kEarliestS || dateS < store_.lastTimeS()) {
    requestFailed({SMError::BadAnswer, Remedy::BackOff}, 0, 0);
    return;
  }
  clock_.set(dateS, now_, WallClock::Source::Unverified);
  proceed();
}

}  // namespace smserver
