#include "frame_gate.h"

#include <string.h>

#include <new>

namespace smserver {
namespace {

// MQTT 3.1.1, table 2.1.
enum Packet : uint8_t {
  kConnack = 0x20,
  kPublish = 0x30,
  kPuback = 0x40,
  kSubscribe = 0x82,
  kSuback = 0x90,
  kUnsuback = 0xB0,
  kPingresp = 0xD0,
};

// What one call may throw away of a packet that is too large.
constexpr uint32_t kSkipBytes = 4096;
// What one read takes of it.
constexpr size_t kSinkBytes = 64;

uint16_t read16(const uint8_t* p) {
  return static_cast<uint16_t>((p[0] << 8) | p[1]);
}

}  // namespace

FrameGate::~FrameGate() { end(); }

bool FrameGate::begin(size_t capacity) {
  end();
  // One more for the NUL behind the payload.
  frame_ = new (std::nothrow) uint8_t[capacity + 1];
  if (frame_ == nullptr) return false;
  capacity_ = capacity;
  return true;
}

void FrameGate::end() {
  delete[] frame_;
  frame_ = nullptr;
  capacity_ = 0;
  inner_ = nullptr;
}

void FrameGate::attach(Client* inner) {
  inner_ = inner;
  connackSeen_ = false;
  violation_ = false;
  oversized_ = 0;
  lastSubscribeId_ = 0;
  startFrame();
}

// The front of a packet that is too large.
size_t FrameGate::keptBytes() const { return capacity_ - kSinkBytes; }

void FrameGate::startFrame() {
  phase_ = Phase::Header;
  event_ = Event::None;
  filled_ = headerBytes_ = readAt_ = 0;
  frameBytes_ = 0;
}

void FrameGate::release() {
  if (phase_ == Phase::Consumed) startFrame();
}

uint32_t FrameGate::takeOversized() {
  const uint32_t bytes = oversized_;
  oversized_ = 0;
  return bytes;
}

bool FrameGate::takeViolation() {
  const bool was = violation_;
  violation_ = false;
  return was;
}

size_t FrameGate::write(const uint8_t* data, size_t bytes) {
  if (inner_ == nullptr) return 0;
  // PubSubClient writes a packet in one call. Its subscribe() tells nobody the
  // packet id, which the SUBACK will carry.
  if (bytes >= 6 && data[0] == kSubscribe) {
    const size_t at = (data[1] & 0x80) != 0 ? 3 : 2;
    lastSubscribeId_ = read16(data + at);
  }
  const size_t written = inner_->write(data, bytes);
  // Behind a part of a packet, all that follows would be read as its rest.
  if (written != bytes) inner_->stop();
  return written;
}

// Reads what has arrived, without waiting, until one packet is whole.
void FrameGate::poll() {
  if (inner_ == nullptr) return;
  uint32_t skipped = 0;
  int available;
  while (phase_ < Phase::Ready && (available = inner_->available()) > 0) {
    if (phase_ == Phase::Header) {
      if (!readHeader()) return;
    } else {
      size_t at = filled_;
      size_t wanted = frameBytes_ - filled_;
      if (phase_ == Phase::Skip) {
        // The front is kept, for its packet id; the rest is written over.
        if (at > keptBytes()) at = keptBytes();
        if (wanted > kSinkBytes) wanted = kSinkBytes;
      }
      if (wanted > static_cast<size_t>(available)) {
        wanted = static_cast<size_t>(available);
      }
      const int got = inner_->read(frame_ + at, wanted);
      if (got <= 0) return;
      filled_ += static_cast<size_t>(got);
      if (phase_ == Phase::Skip) {
        skipped += static_cast<uint32_t>(got);
        if (filled_ == frameBytes_) {
          acknowledgeSkipped();
          startFrame();
        }
        if (skipped >= kSkipBytes) return;
      }
    }
    if (phase_ == Phase::Body && filled_ == frameBytes_) {
      if (!check()) {
        violate();
        return;
      }
      phase_ = Phase::Ready;
      readAt_ = 0;
    }
  }
}

// What is never acknowledged would take up the broker's window, and hold up
// what follows.
void FrameGate::acknowledgeSkipped() {
  if ((frame_[0] & 0x06) != 0x02) return;  // QoS 1
  const size_t at = headerBytes_ + read16(frame_ + headerBytes_);
  if (at + 4 > keptBytes()) return;
  // In front of the packet id, over the end of the topic.
  frame_[at] = kPuback;
  frame_[at + 1] = 2;
  write(frame_ + at, 4);
}

// One byte of the fixed header; false when the connection had to be closed.
bool FrameGate::readHeader() {
  const int byte = inner_->read();
  if (byte < 0) return false;
  frame_[filled_++] = static_cast<uint8_t>(byte);
  if (filled_ == 1) return true;
  frameBytes_ |= static_cast<uint32_t>(byte & 0x7F) << (7 * (filled_ - 2));
  if ((byte & 0x80) != 0) {
    if (filled_ < 5) return true;
    violate();  // the length has four bytes at most
    return false;
  }
  headerBytes_ = filled_;
  frameBytes_ += headerBytes_;
  if (frameBytes_ > capacity_) {
    // Only a message may be large; and none comes before CONNACK.
    if ((frame_[0] & 0xF0) != kPublish || !connackSeen_) {
      violate();
      return false;
    }
    oversized_ = frameBytes_;
    phase_ = Phase::Skip;
  } else {
    phase_ = Phase::Body;
  }
  return true;
}

bool FrameGate::check() {
  const size_t rest = filled_ - headerBytes_;
  const uint8_t type = frame_[0] & 0xF0;
  if (!connackSeen_) return frame_[0] == kConnack && rest == 2;
  switch (type) {
    case kPublish:
      return checkPublish();
    case kPuback:
    case kUnsuback:
      return rest == 2;
    case kSuback:
      return rest >= 3;
    case kPingresp:
      return rest == 0;
    default:
      return false;
  }
}

bool FrameGate::checkPublish() {
  const size_t rest = filled_ - headerBytes_;
  const uint8_t qos = (frame_[0] >> 1) & 3;
  // Nothing is subscribed to at QoS 2.
  if (qos > 1 || rest < 2) return false;
  const size_t topic = read16(frame_ + headerBytes_);
  if (topic == 0 || 2 + topic + (qos > 0 ? 2 : 0) > rest) return false;
  return memchr(frame_ + headerBytes_ + 2, 0, topic) == nullptr;
}

void FrameGate::violate() {
  violation_ = true;
  startFrame();
  inner_->stop();
}

int FrameGate::available() {
  poll();
  if (phase_ == Phase::Ready) return static_cast<int>(filled_ - readAt_);
  // PubSubClient::connect waits for CONNACK even when the connection is gone.
  // It is handed an empty packet, which it takes for a failure, at once.
  if (!connackSeen_ && connected() == 0) return 2;
  return 0;
}

int FrameGate::read() {
  if (phase_ != Phase::Ready) return !connackSeen_ ? 0 : -1;
  const uint8_t byte = frame_[readAt_++];
  if (readAt_ == filled_) {
    phase_ = Phase::Consumed;
    prepareEvent();
  }
  return byte;
}

int FrameGate::read(uint8_t* data, size_t bytes) {
  size_t count = 0;
  while (count < bytes && phase_ == Phase::Ready) {
    data[count++] = static_cast<uint8_t>(read());
  }
  return static_cast<int>(count);
}

int FrameGate::peek() { return phase_ == Phase::Ready ? frame_[readAt_] : -1; }

void FrameGate::prepareEvent() {
  const uint8_t type = frame_[0] & 0xF0;
  if (type == kConnack) {
    connackSeen_ = true;
    startFrame();
  } else if (type == kSuback) {
    event_ = Event::Suback;
    subackId_ = read16(frame_ + headerBytes_);
    subackGranted_ = (frame_[headerBytes_ + 2] & 0x80) == 0;
  } else if (type == kPublish) {
    event_ = Event::Publish;
    const size_t topic = read16(frame_ + headerBytes_);
    // One byte to the front, over the length, to make room for the NUL.
    uint8_t* const text = frame_ + headerBytes_ + 1;
    memmove(text, text + 1, topic);
    text[topic] = '\0';
    const size_t payload =
        headerBytes_ + 2 + topic + ((frame_[0] & 0x06) != 0 ? 2 : 0);
    frame_[filled_] = '\0';
    topic_ = reinterpret_cast<const char*>(text);
    payload_ = reinterpret_cast<const char*>(frame_) + payload;
    payloadBytes_ = filled_ - payload;
  } else {
    startFrame();
  }
}

void FrameGate::flush() {
  if (inner_ != nullptr) inner_->flush();
}

void FrameGate::stop() {
  if (inner_ != nullptr) inner_->stop();
}

uint8_t FrameGate::connected() {
  // A packet that has arrived is worth reading even if the peer has closed.
  if (phase_ == Phase::Ready) return 1;
  return inner_ == nullptr ? 0 : inner_->connected();
}

}  // namespace smserver
