// The requests over HTTP: time, token and broker address, and what is done
// about each answer.
#include <string.h>

#include <memory>
#include <new>

#include "connection.h"
#include "log.h"

namespace smserver {
namespace {

uint64_t refusedWaitMs(uint32_t random) {
  // A sixteenth of spread, so that a fleet does not come back together.
  constexpr uint32_t kWaitMs = SMSERVER_REFUSED_WAIT_S * 1000u;
  return uint64_t{kWaitMs} + random % (kWaitMs / 16 + 1);
}

}  // namespace

void Connection::startRequest(Request request) {
  // The time first: it decides whether the server's certificate is valid.
  if (timeIsWrong_ || clockMissing(identity_.server)) request = Request::Time;
  request_ = request;
  stage_ = Stage::Resolve;
  phase_ = Phase::Request;
}

void Connection::stepRequest(uint64_t now) {
  SMErrorInfo error;
  switch (stage_) {
    case Stage::Resolve:
      error = net_.resolve(identity_.server);
      stage_ = Stage::Probe;
      break;
    case Stage::Probe:
      stage_ = Stage::Open;
      error = net_.probe(identity_.server);
      break;
    case Stage::Open:
      error = net_.openHttp(identity_.server, clock_.unixS(now),
                            request_ != Request::Time);
      stage_ = Stage::Exchange;
      break;
    case Stage::Exchange:
      exchange(now);
      return;
  }
  if (error.code == SMError::None || askTime(error)) return;
  requestFailed({error.code, Remedy::BackOff}, error.detail, 0, now);
}

bool Connection::askTime(const SMErrorInfo& error) {
  constexpr int kWrongTime = 54;  // BearSSL's BR_ERR_X509_EXPIRED
  if (error.code != SMError::TlsFailed || error.detail != kWrongTime ||
      timeIsWrong_ || clock_.source() > WallClock::Source::Stored) {
    return false;
  }
  timeIsWrong_ = true;
  startRequest(Request::Time);
  return true;
}

void Connection::exchange(uint64_t now) {
  std::unique_ptr<char[]> body(new (std::nothrow) char[SMSERVER_ANSWER_BYTES]);
  if (!body) {
    net_.closeHttp();
    requestFailed({SMError::OutOfMemory, Remedy::BackOff},
                  SMSERVER_ANSWER_BYTES, 0, now);
    return;
  }
  const bool with_token = request_ == Request::Address ||
                          (request_ == Request::Token && renewing_ && !useKey_);
  HttpReply reply;
  {
    char path[64];
    if (request_ == Request::Token) {
      snprintf_P(path, sizeof path, PSTR("/auth/devices/request?uuid=%s"),
                 identity_.uuid);
    } else {
      strcpy(path, "/mqtt");
    }
    char token[SMSERVER_TOKEN_BYTES];
    char user[SMSERVER_USER_BYTES];
    const char* bearer = identity_.key;
    if (request_ == Request::Time) {
      bearer = nullptr;
    } else if (with_token) {
      store_.token(token, user);
      bearer = token;
    }
    ++counters_.httpRequests;
    reply = net_.get(identity_.server, path, bearer, body.get(),
                     SMSERVER_ANSWER_BYTES);
  }
  net_.closeHttp();
  SM_INFO("request %u: %d", static_cast<unsigned>(request_), reply.status);
  if (request_ == Request::Time) {
    acceptTime(reply.dateS, now);
    return;
  }
  if (reply.status <= 0) {
    requestFailed({SMError::HttpUnreachable, Remedy::BackOff}, reply.status, 0,
                  now);
    return;
  }
  if (reply.status != 200) {
    requestFailed(
        parseRefusal(reply.status, body.get(), reply.length, with_token),
        reply.status, reply.retryAfterS, now);
    return;
  }
  if (request_ == Request::Token) {
    TokenAnswer answer;
    if (parseToken(body.get(), reply.length, &answer)) {
      body.reset();
      acceptToken(answer, now);
      return;
    }
  } else {
    AddressAnswer answer;
    if (parseAddresses(body.get(), reply.length, &answer)) {
      acceptAddress(answer, now);
      return;
    }
  }
  requestFailed({SMError::BadAnswer, Remedy::BackOff}, reply.status, 0, now);
}

void Connection::acceptTime(uint32_t dateS, uint64_t now) {
  timeIsWrong_ = false;
  // Nobody vouches for this time, but it cannot be before what was known.
  if (dateS < kEarliestS || dateS < store_.lastTimeS()) {
    requestFailed({SMError::BadAnswer, Remedy::BackOff}, 0, 0, now);
    return;
  }
  clock_.set(dateS, now, WallClock::Source::Header);
  proceed();
}

void Connection::acceptToken(const TokenAnswer& answer, uint64_t now) {
  const KVError stored = store_.setToken(answer);
  if (stored != KVError::None) {
    store_.dropToken();
    requestFailed({SMError::StorageFailed, Remedy::BackOff},
                  static_cast<int32_t>(stored), 0, now);
    return;
  }
  ++counters_.tokens;
  if (answer.nowS >= kEarliestS) {
    clock_.set(answer.nowS, now, WallClock::Source::Server);
  }
  setRenewal(answer.lifetimeS, now);
  freshToken_ = true;
  requestDone();
}

void Connection::acceptAddress(const AddressAnswer& answer, uint64_t now) {
  askAddress_ = false;
  addressTries_ = 0;
  // Never from TLS down to plain text because the answer says so.
  const Endpoint& chosen = identity_.mqttTls ? answer.secure : answer.plain;
  const KVError stored =
      chosen.port == 0 ? KVError::None : store_.setAddress(chosen);
  if (chosen.port == 0 || stored != KVError::None) {
    const Refusal refusal = {
        chosen.port == 0 ? SMError::NoTrust : SMError::StorageFailed,
        Remedy::BackOff};
    requestFailed(refusal, static_cast<int32_t>(stored), 0, now);
    return;
  }
  requestDone();
}

void Connection::requestDone() {
  renewing_ = renewDue_ = useKey_ = false;
  if (online_) {
    phase_ = Phase::Online;  // reconnects when idle
  } else {
    proceed();
  }
}

void Connection::requestFailed(const Refusal& refusal, int32_t detail,
                               uint32_t retryAfterS, uint64_t now) {
  net_.closeHttp();
  report(refusal.error, detail);
  if (request_ == Request::Address) askAddress_ = false;
  if (renewing_) {
    if (refusal.remedy == Remedy::AskWithKey && !useKey_) {
      useKey_ = true;
      startRequest(Request::Token);
      return;
    }
    // The token in hand goes on working: the broker decides when not any more.
    const uint64_t pause = refusal.remedy == Remedy::WaitLong
                               ? refusedWaitMs(random_)
                               : uint64_t{retryAfterS} * 1000;
    renewLater(now, pause);
    renewing_ = useKey_ = false;
    if (online_) {
      phase_ = Phase::Online;
    } else {
      proceed();
    }
    return;
  }
  switch (refusal.remedy) {
    case Remedy::AskWithKey:
      store_.dropToken();
      backOff(now);
      break;
    case Remedy::WaitLong:
      wait(now, refusedWaitMs(random_));
      break;
    case Remedy::WaitAsTold:
      if (retryAfterS > 0) {
        wait(now, uint64_t{retryAfterS} * 1000);
      } else if (refusal.error == SMError::Pending ||
                 refusal.error == SMError::UnknownDevice) {
        wait(now, SMSERVER_PENDING_WAIT_S * 1000ull);
      } else {
        backOff(now);
      }
      break;
    case Remedy::BackOff:
      backOff(now);
      break;
  }
}

}  // namespace smserver
