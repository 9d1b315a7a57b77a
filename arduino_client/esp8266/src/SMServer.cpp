#include "SMServer.h"

#include <string.h>

#include <memory>
#include <new>

#include "internal/log.h"

using smserver::Arrival;
using smserver::kTopicBytes;
using smserver::Subscriptions;

namespace {

constexpr uint16_t kMinPacketBytes = 512;
constexpr uint16_t kMaxPacketBytes = 16384;

}  // namespace

bool SMServer::fail(SMError code, int32_t detail) {
  failWith(code, detail);
  return false;
}

SMError SMServer::failWith(SMError code, int32_t detail) {
  error_ = {code, detail};
  return code;
}

bool SMServer::validate(smserver::Connection::Identity* identity) {
  const bool tls = options_.tls != nullptr;
  if (!smserver::parseHost(host_, tls, &identity->server)) {
    return fail(SMError::BadHost, 0);
  }
  if (identity->server.tls != tls) return fail(SMError::NoTrust, 0);
  if (!smserver::parseUuid(uuid_, identity->uuid)) {
    return fail(SMError::BadUuid, 0);
  }
  if (!smserver::isCredential(key_, SMSERVER_KEY_BYTES)) {
    return fail(SMError::BadKey, 0);
  }
  identity->key = key_;
  identity->mqttTls = tls;
  return true;
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
    return fail(stored == KVError::NoMemory ? SMError::OutOfMemory
                                            : SMError::StorageFailed,
                static_cast<int32_t>(stored));
  }
  if (!net_.begin(options_.tls, packet_bytes, options_.keepAliveS) ||
      !outbox_.begin(options_.outboxBytes) ||
      !inbox_.begin(options_.inboxBytes)) {
    release();
    return fail(SMError::OutOfMemory, packet_bytes);
  }
  counters_ = SMCounters();
  if (stored == KVError::Corrupt) {
    failWith(SMError::StorageFailed, static_cast<int32_t>(stored));
  }
  subscriptions_.begin(id_);
  uptime_.begin(millis());
  epoch_ = 0;
  connection_.begin(identity, uptime_.ms());
  begun_ = true;
  return true;
}

void SMServer::end() {
  if (looping_) {
    endAsked_ = true;
    return;
  }
  connection_.end();
  release();
  begun_ = endAsked_ = false;
  command_ = nullptr;
}

void SMServer::release() {
  net_.end();
  outbox_.end();
  inbox_.end();
  store_.end();
}

void SMServer::loop() {
  // A callback that calls loop() would tread on the message it was given.
  if (!begun_ || looping_) return;
  looping_ = true;
  const uint32_t now = millis();
  const uint64_t uptime = uptime_.update(now);
  if (command_ != nullptr) {
    runCommand();
  } else {
    connection_.step(uptime, RANDOM_REG32, outbox_.empty());
    if (connection_.online()) {
      if (epoch_ != connection_.epoch()) cameOnline();
      stepSubscriptions(now);
      stepOutbox();
      receive(now);
    }
  }
  looping_ = false;
  if (endAsked_) end();
}

void SMServer::cameOnline() {
  epoch_ = connection_.epoch();
  subscriptions_.reset();
  echo_.reset();
  pingOpen_ = false;
  pingDue_ = true;
}

void SMServer::stepSubscriptions(uint32_t now) {
  char topic[kTopicBytes];
  const int index = subscriptions_.due(now, topic);
  if (index >= 0) {
    const uint16_t id = net_.subscribe(topic);
    if (id != 0) subscriptions_.sent(index, id, now);
  } else if (pingDue_ && subscriptions_.granted(Subscriptions::Topic::Ping)) {
    // Its echo, or the lack of it, tells which kind of broker this is.
    pingDue_ = false;
    ping();
  }
}

void SMServer::stepOutbox() {
  if (outbox_.empty()) return;
  const size_t length = outbox_.frontBytes();
  std::unique_ptr<char[]> payload(new (std::nothrow) char[length]);
  if (!payload) return;  // later
  outbox_.copyFront(0, payload.get(), length);
  char topic[kTopicBytes];
  dataTopic(static_cast<Outgoing>(outbox_.frontTag()), topic);
  if (publishNow(topic, payload.get(), length)) outbox_.pop();
}

void SMServer::receive(uint32_t now) {
  const Arrival arrival = net_.poll();
  switch (arrival.kind) {
    case Arrival::Kind::None:
      break;
    case Arrival::Kind::Suback:
      acknowledge(arrival, now);
      break;
    case Arrival::Kind::Oversized:
      ++counters_.oversized;
      failWith(SMError::MessageTooLong, static_cast<int32_t>(arrival.length));
      break;
    case Arrival::Kind::Message:
      dispatch(arrival, now);
      break;
  }
}

void SMServer::acknowledge(const Arrival& arrival, uint32_t now) {
  const int index =
      subscriptions_.acknowledged(arrival.id, arrival.granted, now);
  if (index >= 0 && !arrival.granted) {
    failWith(SMError::SubscribeRefused, index);
  }
}
