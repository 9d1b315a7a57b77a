#include "SMServer.h"

#include <string.h>

#include <new>

#include "internal/chip.h"
#include "internal/log.h"

namespace {

constexpr uint16_t kMinPacketBytes = 512;
constexpr uint16_t kMaxPacketBytes = 16384;

}  // namespace

SMServer::SMServer(const char* host, const char* uuid, const char* key,
                   const SMServerOptions& options)
    : host_(host), uuid_(uuid), key_(key), options_(options) {}

SMServer::~SMServer() {
  looping_ = false;
  end();
}

SMError SMServer::fail(SMError code, int32_t detail) {
  if (code != SMError::None) error_ = {code, detail};
  return code;
}

bool SMServer::refuse(SMError code, int32_t detail) {
  fail(code, detail);
  return code == SMError::None;
}

bool SMServer::validate(smserver::Connection::Identity* identity) {
  const bool tls = options_.tls != nullptr;
  if (!smserver::parseHost(host_, tls, &identity->server)) {
    return refuse(SMError::BadHost);
  }
  if (identity->server.tls != tls) return refuse(SMError::NoTrust);
  if (!smserver::parseUuid(uuid_, identity->uuid)) {
    return refuse(SMError::BadUuid);
  }
  if (!smserver::isCredential(key_, SMSERVER_KEY_BYTES)) {
    return refuse(SMError::BadKey);
  }
  identity->key = key_;
  identity->mqttTls = tls && !options_.plainMqtt;
  return refuse(tls ? options_.tls->check() : SMError::None);
}

bool SMServer::begin() {
  end();
  error_ = SMErrorInfo();
  smserver::Connection::Identity identity;
  if (!validate(&identity)) return false;
  smserver::copyText(identity.uuid, id_, sizeof id_);

  uint16_t packet_bytes = options_.packetBytes;
  if (packet_bytes < kMinPacketBytes) packet_bytes = kMinPacketBytes;
  if (packet_bytes > kMaxPacketBytes) packet_bytes = kMaxPacketBytes;
  const KVError stored = store_.begin(options_.storeBytes);
  if (stored != KVError::None && stored != KVError::Corrupt) {
    return refuse(stored == KVError::NoMemory ? SMError::OutOfMemory
                                              : SMError::StorageFailed,
                  static_cast<int32_t>(stored));
  }
  counters_ = SMCounters();
  dialer_.begin(options_.tls);
  SMError error = SMError::None;
  if (!mqtt_.begin(packet_bytes, options_.keepAliveS) ||
      !inbox_.begin(options_)) {
    error = SMError::OutOfMemory;
  } else {
    error = outbox_.begin(options_, smserver::chip::randomBits());
  }
  if (error != SMError::None) {
    release();
    return refuse(error, packet_bytes);
  }
  if (stored == KVError::Corrupt) {
    fail(SMError::StorageFailed, static_cast<int32_t>(stored));
  }
  subscriptions_.begin(id_, options_.numberTelemetry);
  uptime_.begin();
  epoch_ = 0;
  connection_.begin(identity);
  begun_ = true;
  showState();
  return true;
}

void SMServer::end() {
  if (looping_) {
    endAsked_ = true;
    return;
  }
  endAsked_ = false;
  if (!begun_) return;
  begun_ = false;
  outbox_.end(moment());
  connection_.end();
  if (commands_) commands_->drop();
  release();
  showState();
}

void SMServer::release() {
  mqtt_.end();
  outbox_.end(moment());
  inbox_.end();
  store_.end();
}

void SMServer::loop() {
  // A callback that calls loop() would tread on the message it was given.
  if (!begun_ || looping_) return;
  looping_ = true;
  if (commands_ && commands_->waiting()) {
    commands_->run();
    stepCommands();
  } else {
    connection_.step(smserver::chip::randomBits(), outbox_.allSent(),
                     outbox_.wantsTime());
    outbox_.step(moment());
    if (connection_.online()) stepOnline();
  }
  showState();
  looping_ = false;
  if (endAsked_) end();
}

void SMServer::showState() {
  const SMState state = connection_.state();
  if (state == shown_) return;
  shown_ = state;
  if (!onState_) return;
  const bool outside = !looping_;  // loop() and end() must wait in there
  looping_ = true;
  onState_(state, error_);
  if (!outside) return;
  looping_ = false;
}

smserver::Moment SMServer::moment() const {
  const uint64_t uptime = uptime_.ms();
  return {uptime, connection_.unixMs(uptime, uptime)};
}

void SMServer::onState(StateCallback callback) {
  onState_ = std::move(callback);
}
