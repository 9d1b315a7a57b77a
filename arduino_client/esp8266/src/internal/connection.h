#pragma once

#include "errand.h"
#include "session_store.h"
#include "timing.h"
#include "transport.h"

namespace smserver {

// What a connection begins with, all of it zero, and end() goes back to.
struct ConnectionState {
  enum class Phase : uint8_t { Stopped, Wifi, Wait, Request, Connect, Online };
  enum class Request : uint8_t { Time, Token, Address, Errand };
  enum class Stage : uint8_t { Resolve, Probe, Open, Exchange };

  Errand* errand_;
  WallClock clock_;
  Backoff backoff_;
  uint64_t now_;  // uptime of this step, or since a network call in it
  uint64_t retryAt_;
  uint64_t renewAt_;  // 0: not known
  uint64_t onlineSince_;
  uint32_t random_;
  uint32_t lifetimeS_;
  Phase phase_;
  Request request_;
  Stage stage_;
  uint8_t addressTries_;
  uint8_t refusalsInRow_;
  uint8_t revokedInRow_;
  bool online_;
  bool renewDue_;
  bool renewing_;    // the request runs for renewal
  bool useKey_;      // although there is a token
  bool freshToken_;  // not connected with it yet
  bool askAddress_;  // although there is one
  bool timeIsWrong_;
  bool wantsTime_;
  bool timeAsked_;  // for records; once
  bool forTime_;    // the address is asked for only for its Date
  bool hadWifi_;
};

// The way from nothing to an MQTT connection and back, as a state machine. A
// step makes at most one blocking network call. docs/protocol.md, section
// 5, says what is done about each failure.
class Connection : private ConnectionState {
 public:
  struct Identity {
    Endpoint server;
    char uuid[kUuidBytes];
    const char* key;  // must outlive the connection
    bool mqttTls;
  };

  Connection(const Uptime& uptime, Network& net, HttpTransport& http,
             MqttTransport& mqtt, SessionStore& store, SMCounters& counters,
             SMErrorInfo& error)
      : ConnectionState(),
        uptime_(uptime),
        net_(net),
        http_(http),
        mqtt_(mqtt),
        store_(store),
        counters_(counters),
        error_(error) {}

  void begin(const Identity& identity);
  void end();

  // `random` is 32 fresh random bits; `idle` tells that a reconnect to take up
  // a new token would disturb nothing; `wantsTime` that records wait which
  // should carry the time they were made.
  void step(uint32_t random, bool idle, bool wantsTime);

  SMState state() const;
  bool online() const { return online_; }
  // Changes with each accepted connection.
  uint32_t epoch() const { return counters_.connects; }
  bool registered() const;
  // Milliseconds until the next try, 0 when none is waited for.
  uint32_t retryInMs(uint64_t now) const;
  // Milliseconds since 1970 at some uptime, and seconds now; 0 when neither
  // the server nor NTP has told the time.
  uint64_t unixMs(uint64_t at, uint64_t now) const;
  uint32_t now(uint64_t uptime) const {
    return static_cast<uint32_t>(unixMs(uptime, uptime) / 1000);
  }
  // Asks for a new token at the next step, as if 80 % of its life were over.
  void renewNow() { renewDue_ = true; }
  // Makes this request when there is a token; one at a time.
  void run(Errand* errand) { errand_ = errand; }
  bool running() const { return errand_ != nullptr; }

 private:
  void proceed();
  void startRequest(Request request);
  void stepRequest();
  void exchange();
  void acceptToken(const TokenAnswer& answer);
  void acceptAddress(const AddressAnswer& answer);
  void acceptTime(uint32_t dateS);
  void errandDone(const SMErrorInfo& error, const HttpReply& reply,
                  const char* body);
  HttpReply request(bool withToken, char* body);
  void resume();
  void requestDone();
  void requestFailed(const Refusal& refusal, int32_t detail,
                     uint32_t retryAfterS);
  SMErrorInfo approach(const Endpoint& place);
  void stepConnect();
  void connectFailed(const SMErrorInfo& error);
  void stepOnline(bool idle);
  void leave(const SMErrorInfo& error);
  void lost(const SMErrorInfo& error);
  // The best guess, to check certificates with; 0 when there is none.
  uint32_t certificateTimeS() const;
  bool clockMissing(const Endpoint& endpoint) const;
  uint32_t refusedWaitMs(Remedy remedy);
  // True when the failure was only a matter of the time, which is asked for.
  bool askTime(const SMErrorInfo& error);
  // For one request or the next, a TLS connection to the broker is given up;
  // false when that must wait.
  bool makeRoom(bool idle);
  // After a network call, which may have taken seconds.
  void readClock() { now_ = uptime_.ms(); }
  void wait(uint32_t ms);
  void backOff() { wait(backoff_.next(random_)); }
  void renewLater(uint32_t ms);
  void setRenewal(uint32_t lifetimeS);
  void report(SMError code, int32_t detail);

  const Uptime& uptime_;
  Network& net_;
  HttpTransport& http_;
  MqttTransport& mqtt_;
  SessionStore& store_;
  SMCounters& counters_;
  SMErrorInfo& error_;
  Identity identity_ = {};
  Endpoint broker_;
};

}  // namespace smserver
