#include <stdlib.h>
#include <string.h>

#include "PubSubClient.h"
#include "test_control.h"

namespace {
constexpr size_t kHeader = 5;  // room that is kept for the fixed header
}

PubSubClient::PubSubClient(Client& client) : client_(&client) {
  setBufferSize(256);
}
PubSubClient::~PubSubClient() { delete[] buffer_; }

// The real one notes the size even when there was no memory for the first
// buffer.
bool PubSubClient::setBufferSize(uint16_t bytes) {
  if (bytes == 0) return false;
  uint8_t* grown = new (std::nothrow) uint8_t[bytes];
  if (buffer_ == nullptr) {
    buffer_ = grown;
  } else {
    if (grown == nullptr) return false;
    memcpy(grown, buffer_, bytes < bufferBytes_ ? bytes : bufferBytes_);
    delete[] buffer_;
    buffer_ = grown;
  }
  bufferBytes_ = bytes;
  return buffer_ != nullptr;
}
PubSubClient& PubSubClient::setCallback(
    std::function<void(char*, uint8_t*, unsigned int)> callback) {
  callback_ = std::move(callback);
  return *this;
}
PubSubClient& PubSubClient::setKeepAlive(uint16_t seconds) {
  keepAliveS_ = seconds;
  return *this;
}
PubSubClient& PubSubClient::setSocketTimeout(uint16_t seconds) {
  timeoutS_ = seconds;
  return *this;
}

size_t PubSubClient::text(const char* from, size_t at) {
  const size_t length = strlen(from);
  buffer_[at] = static_cast<uint8_t>(length >> 8);
  buffer_[at + 1] = static_cast<uint8_t>(length);
  memcpy(buffer_ + at + 2, from, length);
  return at + 2 + length;
}

// Sends what lies behind the room for the header, in one write.
bool PubSubClient::send(uint8_t header, size_t end) {
  uint8_t lengths[4];
  size_t count = 0;
  size_t rest = end - kHeader;
  do {
    lengths[count] = static_cast<uint8_t>(rest & 0x7F);
    rest >>= 7;
    if (rest > 0) lengths[count] |= 0x80;
    ++count;
  } while (rest > 0);
  const size_t start = kHeader - 1 - count;
  buffer_[start] = header;
  memcpy(buffer_ + start + 1, lengths, count);
  lastOut_ = static_cast<uint32_t>(millis());
  return client_->write(buffer_ + start, end - start) == end - start;
}

bool PubSubClient::connect(const char* id, const char* user,
                           const char* password) {
  if (connected()) return true;
  if (!client_->connected()) {
    state_ = MQTT_CONNECT_FAILED;
    return false;
  }
  nextId_ = 1;
  size_t at = kHeader;
  const uint8_t variable[10] = {0,
                                4,
                                'M',
                                'Q',
                                'T',
                                'T',
                                4,
                                0xC2,
                                static_cast<uint8_t>(keepAliveS_ >> 8),
                                static_cast<uint8_t>(keepAliveS_)};
  memcpy(buffer_ + at, variable, sizeof variable);
  at += sizeof variable;
  for (const char* part : {id, user, password}) {
    if (at + 2 + strlen(part) > bufferBytes_) {
      client_->stop();
      return false;  // and state() stays what it was
    }
    at = text(part, at);
  }
  send(0x10, at);
  lastIn_ = lastOut_ = static_cast<uint32_t>(millis());
  while (client_->available() <= 0) {
    if (static_cast<uint32_t>(millis()) - lastIn_ >= timeoutS_ * 1000u) {
      state_ = MQTT_CONNECTION_TIMEOUT;
      client_->stop();
      return false;
    }
  }
  size_t header_bytes;
  if (readPacket(&header_bytes) == 4) {
    if (buffer_[3] == 0) {
      lastIn_ = static_cast<uint32_t>(millis());
      pingOpen_ = false;
      state_ = MQTT_CONNECTED;
      return true;
    }
    state_ = buffer_[3];
  }
  client_->stop();
  return false;
}

bool PubSubClient::readByte(uint8_t* out) {
  const uint32_t start = static_cast<uint32_t>(millis());
  while (client_->available() <= 0) {
    yield();
    if (static_cast<uint32_t>(millis()) - start >= timeoutS_ * 1000u) {
      return false;
    }
  }
  *out = static_cast<uint8_t>(client_->read());
  return true;
}

size_t PubSubClient::readPacket(size_t* headerBytes) {
  size_t length = 0;
  size_t count = 1;
  uint8_t byte;
  if (!readByte(buffer_)) return 0;
  do {
    if (count == 5) {
      state_ = MQTT_DISCONNECTED;
      client_->stop();
      return 0;
    }
    if (!readByte(&byte)) return 0;
    buffer_[count] = byte;
    length |= static_cast<size_t>(byte & 0x7F) << (7 * (count - 1));
    ++count;
  } while ((byte & 0x80) != 0);
  *headerBytes = count;
  size_t total = count;
  for (size_t i = 0; i < length; ++i, ++total) {
    if (!readByte(&byte)) return 0;
    if (total < bufferBytes_) buffer_[total] = byte;
  }
  return total > bufferBytes_ ? 0 : total;
}

bool PubSubClient::loop() {
  if (!connected()) return false;
  const uint32_t now = static_cast<uint32_t>(millis());
  if (now - lastIn_ > keepAliveS_ * 1000u ||
      now - lastOut_ > keepAliveS_ * 1000u) {
    if (pingOpen_) {
      state_ = MQTT_CONNECTION_TIMEOUT;
      client_->stop();
      return false;
    }
    buffer_[0] = 0xC0;
    buffer_[1] = 0;
    client_->write(buffer_, 2);
    lastIn_ = lastOut_ = now;
    pingOpen_ = true;
  }
  if (client_->available() <= 0) return true;
  size_t head;
  const size_t length = readPacket(&head);
  if (length == 0) return connected();
  lastIn_ = now;
  const uint8_t type = buffer_[0] & 0xF0;
  if (type == 0xD0) {
    pingOpen_ = false;
  } else if (type == 0x30 && callback_) {
    const size_t topic_bytes = (buffer_[head] << 8) | buffer_[head + 1];
    const bool qos1 = (buffer_[0] & 0x06) == 0x02;
    // The topic moves by one, so that a NUL fits behind it.
    memmove(buffer_ + head + 1, buffer_ + head + 2, topic_bytes);
    buffer_[head + 1 + topic_bytes] = 0;
    const size_t id_at = head + 2 + topic_bytes;
    const uint8_t id[2] = {buffer_[id_at], buffer_[id_at + 1]};
    const size_t payload = id_at + (qos1 ? 2 : 0);
    callback_(reinterpret_cast<char*>(buffer_ + head + 1), buffer_ + payload,
              static_cast<unsigned int>(length - payload));
    // Lent, not given: whoever still looks there sees nonsense.
    memset(buffer_, 0xEE, bufferBytes_);
    if (qos1) {
      const uint8_t ack[4] = {0x40, 2, id[0], id[1]};
      memcpy(buffer_, ack, 4);
      client_->write(buffer_, 4);
      lastOut_ = now;
    }
  }
  return true;
}

bool PubSubClient::publish(const char* topic, const uint8_t* payload,
                           unsigned int length) {
  if (!connected()) return false;
  if (bufferBytes_ < kHeader + 2 + strlen(topic) + length) return false;
  const size_t at = text(topic, kHeader);
  if (length > 0) memcpy(buffer_ + at, payload, length);
  return send(0x30, at + length);
}

bool PubSubClient::subscribe(const char* topic, uint8_t qos) {
  if (qos > 1 || bufferBytes_ < 9 + strlen(topic) || !connected()) return false;
  if (++nextId_ == 0) nextId_ = 1;
  buffer_[kHeader] = static_cast<uint8_t>(nextId_ >> 8);
  buffer_[kHeader + 1] = static_cast<uint8_t>(nextId_);
  const size_t at = text(topic, kHeader + 2);
  buffer_[at] = qos;
  return send(0x82, at + 1);
}

bool PubSubClient::unsubscribe(const char* topic) {
  if (bufferBytes_ < 9 + strlen(topic) || !connected()) return false;
  if (++nextId_ == 0) nextId_ = 1;
  buffer_[kHeader] = static_cast<uint8_t>(nextId_ >> 8);
  buffer_[kHeader + 1] = static_cast<uint8_t>(nextId_);
  return send(0xA2, text(topic, kHeader + 2));
}

void PubSubClient::disconnect() {
  buffer_[0] = 0xE0;
  buffer_[1] = 0;
  client_->write(buffer_, 2);
  state_ = MQTT_DISCONNECTED;
  client_->flush();
  client_->stop();
}

bool PubSubClient::connected() {
  if (!client_->connected()) {
    if (state_ == MQTT_CONNECTED) {
      state_ = MQTT_CONNECTION_LOST;
      client_->flush();
      client_->stop();
    }
    return false;
  }
  return state_ == MQTT_CONNECTED;
}
