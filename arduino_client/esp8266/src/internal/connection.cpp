#include "connection.h"

#include "log.h"

namespace smserver {
void Connection::begin(const Identity& identity) {
  identity_ = identity;
  readClock();
  store_.adopt(identity_.server, identity_.uuid, identity_.key);
  // How much of a stored token's life is left is not known: the broker will
  // refuse it in the end. Its whole life is the most that it can last.
  setRenewal(store_.hasToken() ? store_.lifetimeS() : 0);
  const uint32_t known = store_.lastTimeS();
  if (known >= kEarliestS) clock_.set(known, now_, WallClock::Source::Stored);
  phase_ = Phase::Wifi;
}

void Connection::end() {
  if (phase_ == Phase::Stopped) return;
  http_.closeHttp();
  mqtt_.closeMqtt();
  static_cast<ConnectionState&>(*this) = ConnectionState();
}

SMState Connection::state() const {
  if (online_) return SMState::Online;
  switch (phase_) {
    case Phase::Stopped:
      return SMState::Stopped;
    case Phase::Wifi:
      return SMState::WaitingForWifi;
    case Phase::Wait:
      return SMState::Waiting;
    case Phase::Request:
      switch (request_) {
        case Request::Time:
          return SMState::SettingClock;
        case Request::Token:
          return SMState::RequestingToken;
        case Request::Address:
          return SMState::RequestingAddress;
        case Request::Errand:
          return SMState::Pairing;
      }
      return SMState::Connecting;
    default:
      return SMState::Connecting;
  }
}

bool Connection::registered() const {
  return phase_ != Phase::Stopped && store_.hasToken();
}

uint32_t Connection::retryInMs(uint64_t now) const {
  if (phase_ != Phase::Wait || now >= retryAt_) return 0;
  const uint64_t left = retryAt_ - now;
  return left < 0xFFFFFFFF ? static_cast<uint32_t>(left) : 0xFFFFFFFF;
}

void Connection::report(SMError code, int32_t detail) {
  error_ = {code, detail};
  SM_ERROR("error %u, detail %ld", static_cast<unsigned>(code),
           static_cast<long>(detail));
}

void Connection::step(uint32_t random, bool idle, bool wantsTime) {
  if (phase_ == Phase::Stopped) return;
  readClock();
  random_ = random;
  wantsTime_ = wantsTime;
  if (!net_.wifiUp()) {
    // A wait goes on without Wi-Fi: losing it must not shorten one.
    const bool waiting = phase_ == Phase::Wait && now_ < retryAt_;
    if (phase_ != Phase::Wifi && !waiting) {
      lost({SMError::WifiLost, 0});
      phase_ = Phase::Wifi;
    }
    return;
  }
  if (online_ && !mqtt_.mqttUp()) {
    lost(mqtt_.mqttFault());
    backOff();
    return;
  }
  switch (phase_) {
    case Phase::Stopped:
      break;
    case Phase::Wifi:
      // After an access point restarts, a whole fleet is back at once.
      if (hadWifi_) {
        backOff();
      } else {
        proceed();
      }
      hadWifi_ = true;
      break;
    case Phase::Wait:
      if (now_ >= retryAt_) proceed();
      break;
    case Phase::Request:
      stepRequest();
      break;
    case Phase::Connect:
      stepConnect();
      break;
    case Phase::Online:
      stepOnline(idle);
      break;
  }
}

// What is missing comes first.
void Connection::proceed() {
  if (renewing_ || !store_.hasToken()) {
    startRequest(Request::Token);
  } else if (askAddress_ || !store_.address(&broker_) ||
             broker_.tls != identity_.mqttTls) {
    startRequest(Request::Address);
  } else if (errand_ != nullptr) {
    startRequest(Request::Errand);
  } else if (timeIsWrong_ || clockMissing(broker_)) {
    startRequest(Request::Time);
  } else if (wantsTime_ && !timeAsked_ && !clock_.trusted() &&
             systemTimeS() == 0) {
    // The Date of the answer dates the records that wait.
    timeAsked_ = forTime_ = true;
    startRequest(Request::Address);
  } else {
    phase_ = Phase::Connect;
    stage_ = Stage::Resolve;
  }
}

// The next stage before the exchange.
SMErrorInfo Connection::approach(const Endpoint& place) {
  const Stage stage = stage_;
  stage_ = static_cast<Stage>(static_cast<uint8_t>(stage) + 1);
  if (stage == Stage::Resolve) return net_.resolve(place);
  if (stage == Stage::Probe) return net_.probe(place);
  if (phase_ == Phase::Connect) {
    return mqtt_.openMqtt(place, certificateTimeS());
  }
  return http_.openHttp(place, certificateTimeS(), request_ != Request::Time);
}

void Connection::stepConnect() {
  SMErrorInfo error;
  if (stage_ != Stage::Exchange) {
    if (stage_ == Stage::Resolve) {
      // One write for all that the requests brought.
      const KVError saved = store_.save();
      if (saved != KVError::None) {
        report(SMError::StorageFailed, static_cast<int32_t>(saved));
      }
    }
    error = approach(broker_);
  } else {
    char token[SMSERVER_TOKEN_BYTES];
    char user[SMSERVER_USER_BYTES];
    store_.token(token, user);
    error = mqtt_.connectMqtt(identity_.uuid, user, token);
    if (error.code == SMError::None) {
      readClock();
      ++counters_.connects;
      online_ = true;
      onlineSince_ = now_;
      freshToken_ = false;
      addressTries_ = refusalsInRow_ = 0;
      phase_ = Phase::Online;
      error_ = SMErrorInfo();
      SM_INFO("online");
      return;
    }
  }
  if (error.code != SMError::None && !askTime(error)) {
    connectFailed(error);
  }
}

void Connection::connectFailed(const SMErrorInfo& error) {
  mqtt_.closeMqtt();
  report(error.code, error.detail);
  if (error.code == SMError::BrokerRefused) {
    ++counters_.refusals;
    store_.dropToken();
    // Twice in a row with a fresh token: perhaps this is the wrong broker.
    if (++refusalsInRow_ >= 2) askAddress_ = true;
  } else if (++addressTries_ >= SMSERVER_ADDRESS_TRIES) {
    addressTries_ = 0;
    askAddress_ = true;
  }
  backOff();
}

void Connection::stepOnline(bool idle) {
  if (backoff_.failures() > 0 && now_ - onlineSince_ >= SMSERVER_STABLE_MS) {
    backoff_.reset();
  }
  if (freshToken_) {
    if (!idle) return;
    leave(SMErrorInfo());
    proceed();
    return;
  }
  if (renewAt_ != 0 && now_ >= renewAt_) renewDue_ = true;
  if (!renewDue_ && errand_ == nullptr) return;
  if (!makeRoom(idle)) return;
  if (renewDue_) {
    renewing_ = true;
    renewDue_ = false;
    startRequest(Request::Token);
  } else {
    startRequest(Request::Errand);
  }
}

// Two TLS sessions do not fit into memory.
bool Connection::makeRoom(bool idle) {
  if (!identity_.server.tls && !broker_.tls) return true;
  if (idle) leave(SMErrorInfo());
  return idle;
}

// Closes the MQTT connection on purpose.
void Connection::leave(const SMErrorInfo& error) {
  online_ = false;
  mqtt_.closeMqtt();
  if (error.code != SMError::None) report(error.code, error.detail);
}

// The MQTT connection, Wi-Fi, or both.
void Connection::lost(const SMErrorInfo& error) {
  http_.closeHttp();
  if (online_) {
    ++counters_.disconnects;
    // Counted as a failure unless the connection had lasted: one that is kicked
    // out at once must not come back at once forever.
    if (now_ - onlineSince_ >= SMSERVER_STABLE_MS) backoff_.reset();
  }
  if (renewing_) renewDue_ = true;
  renewing_ = useKey_ = false;
  leave(error);
}

void Connection::wait(uint32_t ms) {
  readClock();
  retryAt_ = now_ + ms;
  phase_ = Phase::Wait;
  SM_INFO("next try in %lu ms", static_cast<unsigned long>(ms));
}

void Connection::renewLater(uint32_t ms) {
  if (ms == 0) {
    // Several tries before the end, at most an hour apart.
    uint32_t most = lifetimeS_ / 32;
    if (most > 3600) most = 3600;
    most = most == 0 ? 1000 : most * 1000;
    ms = most / 2 + random_ % (most / 2 + 1);
  }
  renewAt_ = now_ + ms;
  renewDue_ = false;
}

void Connection::setRenewal(uint32_t lifetimeS) {
  lifetimeS_ = lifetimeS;
  renewAt_ = lifetimeS == 0 ? 0 : now_ + renewAfterMs(lifetimeS);
}

}  // namespace smserver
