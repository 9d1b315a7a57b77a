// The requests over HTTP: time, token and broker address, and what is done
// about each answer.
#include <string.h>

#include <memory>
#include <new>

#include "connection.h"
#include "log.h"
#include "text_writer.h"

namespace smserver {
namespace {

uint64_t refusedWaitMs(uint32_t random) {
  // A sixteenth of spread, so that a fleet does not come back together.
  constexpr uint32_t kWaitMs = SMSERVER_REFUSED_WAIT_S * 1000u;
  return uint64_t{kWaitMs} + random % (kWaitMs / 16 + 1);
}

}  // namespace

// From 5 minutes, doubling to an hour; up to a sixteenth less.
uint64_t Connection::revokedWaitMs() {
  uint32_t wait = SMSERVER_REVOKED_WAIT_S * 1000u;
  for (uint8_t i = 0;
       i < revokedInRow_ && wait < SMSERVER_REFUSED_WAIT_S * 1000u; ++i) {
    wait *= 2;
  }
  if (wait > SMSERVER_REFUSED_WAIT_S * 1000u) {
    wait = SMSERVER_REFUSED_WAIT_S * 1000u;
  } else if (revokedInRow_ < 15) {
    ++revokedInRow_;
  }
  return wait - random_ % (wait / 16 + 1);
}

void Connection::startRequest(Request request) {
  // The time first: it decides whether the server's certificate is valid.
  if (timeIsWrong_ || clockMissing(identity_.server)) request = Request::Time;
  request_ = request;
  stage_ = Stage::Resolve;
  phase_ = Phase::Request;
}

void Connection::stepRequest() {
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
      error = http_.openHttp(identity_.server, certificateTimeS(),
                             request_ != Request::Time);
      stage_ = Stage::Exchange;
      break;
    case Stage::Exchange:
      exchange();
      return;
  }
  if (error.code == SMError::None || askTime(error)) return;
  requestFailed({error.code, Remedy::BackOff}, error.detail, 0);
}

void Connection::exchange() {
  std::unique_ptr<char[]> body(new (std::nothrow) char[SMSERVER_ANSWER_BYTES]);
  if (!body) {
    http_.closeHttp();
    requestFailed({SMError::OutOfMemory, Remedy::BackOff},
                  SMSERVER_ANSWER_BYTES, 0);
    return;
  }
  const bool with_token = request_ == Request::Address ||
                          request_ == Request::Errand ||
                          (request_ == Request::Token && renewing_ && !useKey_);
  ++counters_.httpRequests;
  const HttpReply reply = request(with_token, body.get());
  http_.closeHttp();
  SM_INFO("request %u: %d", static_cast<unsigned>(request_), reply.status);
  if (request_ == Request::Time) {
    acceptTime(reply.dateS);
    return;
  }
  if (reply.status <= 0) {
    requestFailed({SMError::HttpUnreachable, Remedy::BackOff}, reply.status, 0);
    return;
  }
  if (request_ == Request::Errand) {
    errandAnswered(reply, body.get());
    return;
  }
  if (reply.status != 200) {
    requestFailed(
        parseRefusal(reply.status, body.get(), reply.length, with_token),
        reply.status, reply.retryAfterS);
    return;
  }
  if (request_ == Request::Token) {
    TokenAnswer answer;
    if (parseToken(body.get(), reply.length, &answer)) {
      body.reset();
      acceptToken(answer);
      return;
    }
  } else {
    AddressAnswer answer;
    if (parseAddresses(body.get(), reply.length, &answer)) {
      if (reply.dateS >= kEarliestS && !clock_.trusted()) {
        clock_.set(reply.dateS, now_, WallClock::Source::Server);
      }
      acceptAddress(answer);
      return;
    }
  }
  requestFailed({SMError::BadAnswer, Remedy::BackOff}, reply.status, 0);
}

// Of the stack: the texts of a request lie here, and are gone when its answer
// is looked at.
HttpReply Connection::request(bool withToken, char* body) {
  HttpRequest request;
  char path[Errand::kPathBytes];
  char json[Errand::kBodyBytes] = "";
  if (request_ == Request::Token) {
    TextWriter to(path, sizeof path);
    to.put(F("/auth/devices/request?uuid=")).put(identity_.uuid).terminate();
  } else if (request_ == Request::Errand) {
    request.method = errand_->write(path, json);
    if (json[0] != '\0') request.json = json;
  } else {
    strcpy_P(path, PSTR("/mqtt"));
  }
  request.path = path;
  char token[SMSERVER_TOKEN_BYTES];
  char user[SMSERVER_USER_BYTES];
  if (withToken) {
    store_.token(token, user);
    request.bearer = token;
  } else if (request_ == Request::Token) {
    request.bearer = identity_.key;
  }
  return http_.exchange(identity_.server, request, body);
}

// Whatever the server answered, the connection goes on as before.
void Connection::errandAnswered(const HttpReply& reply, const char* body) {
  SMErrorInfo error;
  if (reply.status != 200) {
    const Refusal refusal =
        parseRefusal(reply.status, body, reply.length, true);
    error = {refusal.error, reply.status};
    if (refusal.remedy == Remedy::AskWithKey) {
      if (reply.status == 403) {
        error.code = SMError::PairingRefused;  // wrong_device
      } else {
        renewDue_ = true;  // which finds out what to do about the token
      }
    }
  }
  errandDone(error, reply, body);
}

void Connection::errandDone(const SMErrorInfo& error, const HttpReply& reply,
                            const char* body) {
  Errand* const errand = errand_;
  errand_ = nullptr;  // its callback may start the next
  resume();
  errand->done(error, reply, body);
}

// After a request: back online, or on to what is missing.
void Connection::resume() {
  if (online_) {
    phase_ = Phase::Online;
  } else {
    proceed();
  }
}

void Connection::acceptToken(const TokenAnswer& answer) {
  const KVError stored = store_.setToken(answer);
  if (stored != KVError::None) {
    store_.dropToken();
    requestFailed({SMError::StorageFailed, Remedy::BackOff},
                  static_cast<int32_t>(stored), 0);
    return;
  }
  ++counters_.tokens;
  revokedInRow_ = 0;
  if (answer.nowS >= kEarliestS) {
    clock_.set(answer.nowS, now_, WallClock::Source::Server);
  }
  setRenewal(answer.lifetimeS);
  freshToken_ = true;
  requestDone();
}

void Connection::acceptAddress(const AddressAnswer& answer) {
  askAddress_ = forTime_ = false;
  addressTries_ = 0;
  // Never from TLS down to plain text because the answer says so.
  const Endpoint& chosen = identity_.mqttTls ? answer.secure : answer.plain;
  const KVError stored =
      chosen.port == 0 ? KVError::None : store_.setAddress(chosen);
  if (chosen.port == 0 || stored != KVError::None) {
    const Refusal refusal = {chosen.port != 0    ? SMError::StorageFailed
                             : identity_.mqttTls ? SMError::NoTlsBroker
                                                 : SMError::BadAnswer,
                             Remedy::BackOff};
    requestFailed(refusal, static_cast<int32_t>(stored), 0);
    return;
  }
  requestDone();
}

void Connection::requestDone() {
  renewing_ = renewDue_ = useKey_ = false;
  resume();  // with a new token it reconnects when idle
}

void Connection::requestFailed(const Refusal& refusal, int32_t detail,
                               uint32_t retryAfterS) {
  http_.closeHttp();
  if (request_ == Request::Errand ||
      (request_ == Request::Time && errand_ != nullptr && online_ &&
       !renewing_)) {
    errandDone({refusal.error, detail}, HttpReply(), "");
    return;
  }
  report(refusal.error, detail);
  if (request_ == Request::Address) {
    askAddress_ = false;
    const bool for_time = forTime_;
    forTime_ = false;
    // The known address does as well; the records then go without a time.
    if (for_time && refusal.remedy != Remedy::AskWithKey) {
      proceed();
      return;
    }
  }
  if (renewing_) {
    if (refusal.remedy == Remedy::AskWithKey && !useKey_) {
      useKey_ = true;
      startRequest(Request::Token);
      return;
    }
    // The token in hand goes on working: the broker decides when not any more.
    uint64_t pause = uint64_t{retryAfterS} * 1000;
    if (refusal.remedy == Remedy::WaitLong) pause = refusedWaitMs(random_);
    if (refusal.remedy == Remedy::WaitRevoked) pause = revokedWaitMs();
    renewLater(pause);
    renewing_ = useKey_ = false;
    resume();
    return;
  }
  switch (refusal.remedy) {
    case Remedy::AskWithKey:
      store_.dropToken();
      backOff();
      break;
    case Remedy::WaitLong:
      wait(refusedWaitMs(random_));
      break;
    case Remedy::WaitRevoked:
      wait(revokedWaitMs());
      break;
    case Remedy::WaitAsTold:
      if (retryAfterS > 0) {
        wait(uint64_t{retryAfterS} * 1000);
      } else if (refusal.error == SMError::Pending ||
                 refusal.error == SMError::UnknownDevice) {
        wait(SMSERVER_PENDING_WAIT_S * 1000ull);
      } else {
        backOff();
      }
      break;
    case Remedy::BackOff:
      backOff();
      break;
  }
}

}  // namespace smserver
