// The requests over HTTP: time, token and broker address, and what is done
// about each answer.
#include <string.h>

#include <memory>
#include <new>

#include "connection.h"
#include "log.h"
#include "text_writer.h"

namespace smserver {

// After a refusal that a person must lift: an hour and up to a sixteenth more,
// or, of a revoked device, 5 minutes at first, doubling to an hour, and up to a
// sixteenth less. So a fleet does not come back together.
uint32_t Connection::refusedWaitMs(Remedy remedy) {
  constexpr uint32_t kMost = SMSERVER_REFUSED_WAIT_S * 1000u;
  uint32_t wait = kMost;
  if (remedy == Remedy::WaitRevoked) {
    wait = (SMSERVER_REVOKED_WAIT_S * 1000u) << revokedInRow_;
    if (wait < kMost) {
      ++revokedInRow_;
    } else {
      wait = kMost;
    }
  }
  const uint32_t spread = random_ % (wait / 16 + 1);
  return remedy == Remedy::WaitRevoked ? wait - spread : wait + spread;
}

void Connection::startRequest(Request request) {
  // The time first: it decides whether the server's certificate is valid.
  if (timeIsWrong_ || clockMissing(identity_.server)) request = Request::Time;
  request_ = request;
  stage_ = Stage::Resolve;
  phase_ = Phase::Request;
}

void Connection::stepRequest() {
  if (stage_ == Stage::Exchange) {
    exchange();
    return;
  }
  const SMErrorInfo error = approach(identity_.server);
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
  readClock();
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
    errandDone({}, reply, body.get());
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
void Connection::errandDone(const SMErrorInfo& error, const HttpReply& reply,
                            const char* body) {
  Errand* const errand = errand_;
  errand_ = nullptr;  // its callback may start the next
  resume();
  // Renewal finds out what to do about the token.
  if (errand->done(error, reply, body)) renewDue_ = true;
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
  const Remedy remedy = refusal.remedy;
  if (renewing_ && remedy == Remedy::AskWithKey && !useKey_) {
    useKey_ = true;
    startRequest(Request::Token);
    return;
  }
  const uint32_t pause =
      remedy >= Remedy::WaitLong ? refusedWaitMs(remedy) : retryAfterS * 1000;
  if (renewing_) {
    // The token in hand goes on working: the broker decides when not any more.
    renewLater(pause);
    renewing_ = useKey_ = false;
    resume();
    return;
  }
  if (remedy == Remedy::AskWithKey) store_.dropToken();
  if (pause != 0 && remedy >= Remedy::WaitAsTold) {
    wait(pause);
  } else if (refusal.error == SMError::Pending ||
             refusal.error == SMError::UnknownDevice) {
    wait(SMSERVER_PENDING_WAIT_S * 1000u);
  } else {
    backOff();
  }
}

}  // namespace smserver
