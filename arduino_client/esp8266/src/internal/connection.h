#pragma once

#include "session_store.h"
#include "timing.h"
#include "transport.h"

namespace smserver {

// The way from nothing to an MQTT connection and back, as a state machine. A
// step makes one blocking network call at the most. docs/protocol.md, section
// 5, says what is done about each failure.
class Connection {
 public:
  struct Identity {
    Endpoint server;
    char uuid[kUuidBytes];
    const char* key;  // must outlive the connection
    bool mqttTls;
  };

  Connection(Transport& net, SessionStore& store, SMCounters& counters,
             SMErrorInfo& error)
      : net_(net), store_(store), counters_(counters), error_(error) {}

  void begin(const Identity& identity, uint64_t now);
  void end();

  // `random` is 32 fresh random bits; `idle` tells that a reconnect to take up
  // a new token would disturb nothing.
  void step(uint64_t now, uint32_t random, bool idle);

  SMState state() const;
  bool online() const { return online_; }
  // Changes with each accepted connection.
  uint32_t epoch() const { return counters_.connects; }
  bool registered() const;
  // Milliseconds until the next try, 0 when none is waited for.
  uint32_t retryInMs(uint64_t now) const;
  const WallClock& clock() const { return clock_; }
  // Asks for a new token at the next step, as if 80 % of its life were over.
  void renewNow() { renewDue_ = true; }

 private:
  enum class Phase : uint8_t { Stopped, Wifi, Wait, Request, Connect, Online };
  enum class Request : uint8_t { Time, Token, Address };
  enum class Stage : uint8_t { Resolve, Probe, Open, Exchange };

  void proceed();
  void startRequest(Request request);
  void stepRequest(uint64_t now);
  void exchange(uint64_t now);
  void acceptToken(const TokenAnswer& answer, uint64_t now);
  void acceptAddress(const AddressAnswer& answer, uint64_t now);
  void acceptTime(uint32_t dateS, uint64_t now);
  void requestDone();
  void requestFailed(const Refusal& refusal, int32_t detail,
                     uint32_t retryAfterS, uint64_t now);
  void stepConnect(uint64_t now);
  void connectFailed(const SMErrorInfo& error, uint64_t now);
  void stepOnline(uint64_t now, bool idle);
  void leave(const SMErrorInfo& error);
  void lost(const SMErrorInfo& error, uint64_t now);
  void wifiDown(uint64_t now);
  bool clockMissing(const Endpoint& endpoint) const;
  // True when the failure was only a matter of the time, which is asked for.
  bool askTime(const SMErrorInfo& error);
  void wait(uint64_t now, uint64_t ms);
  void backOff(uint64_t now) { wait(now, backoff_.next(random_)); }
  void renewLater(uint64_t now, uint64_t ms);
  void setRenewal(uint32_t lifetimeS, uint64_t now);
  void report(SMError code, int32_t detail);

  Transport& net_;
  SessionStore& store_;
  SMCounters& counters_;
  SMErrorInfo& error_;
  Identity identity_ = {};
  Endpoint broker_;
  WallClock clock_;
  Backoff backoff_;
  uint64_t retryAt_ = 0;
  uint64_t renewAt_ = 0;  // 0: not known
  uint64_t onlineSince_ = 0;
  uint32_t random_ = 0;
  uint32_t lifetimeS_ = 0;
  Phase phase_ = Phase::Stopped;
  Request request_ = Request::Token;
  Stage stage_ = Stage::Resolve;
  uint8_t addressTries_ = 0;
  uint8_t refusalsInRow_ = 0;
  bool online_ = false;
  bool renewDue_ = false;
  bool renewing_ = false;    // the request runs for renewal
  bool useKey_ = false;      // although there is a token
  bool freshToken_ = false;  // not connected with it yet
  bool askAddress_ = false;  // although there is one
  bool timeIsWrong_ = false;
  bool hadWifi_ = false;
};

}  // namespace smserver
