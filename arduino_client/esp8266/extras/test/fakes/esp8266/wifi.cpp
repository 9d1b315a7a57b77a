#include "ESP8266WiFi.h"
#include "Schedule.h"
#include "WiFiClientSecureBearSSL.h"
#include "net_control.h"
#include "socket.h"
#include "test_control.h"

ESP8266WiFiClass WiFi;

namespace {

struct Recurrent {
  std::function<bool()> function;
  uint32_t everyMs;
  uint32_t lastMs;
};
std::vector<Recurrent> recurrent;

// Each is dropped once it returns false.
void runRecurrent() {
  const uint32_t now = static_cast<uint32_t>(millis());
  for (size_t i = 0; i < recurrent.size();) {
    Recurrent& each = recurrent[i];
    if (now - each.lastMs < each.everyMs) {
      ++i;
      continue;
    }
    each.lastMs = now;
    if (each.function()) {
      ++i;
    } else {
      recurrent.erase(recurrent.begin() + static_cast<long>(i));
    }
  }
}

}  // namespace

bool schedule_recurrent_function_us(const std::function<bool()>& function,
                                    uint32_t everyUs) {
  fake::Uncounted scope;
  fake::runScheduled = runRecurrent;
  recurrent.push_back(
      {function, everyUs / 1000, static_cast<uint32_t>(millis())});
  return true;
}

wl_status_t ESP8266WiFiClass::status() {
  return fake::net.wifi ? WL_CONNECTED : WL_DISCONNECTED;
}

int32_t ESP8266WiFiClass::RSSI() { return fake::net.rssi; }

int ESP8266WiFiClass::hostByName(const char* name, IPAddress& out,
                                 uint32_t limitMs) {
  uint32_t v4;
  if (!fake::resolve(name, &v4, limitMs)) return 0;
  out = IPAddress(v4);
  return 1;
}

WiFiClient::WiFiClient() { _timeout = 5000; }
WiFiClient::WiFiClient(const WiFiClient& other) : socket_(other.socket_) {
  _timeout = other._timeout;
  if (socket_ != nullptr) ++socket_->users;
}
WiFiClient::~WiFiClient() {
  fake::Uncounted scope;
  if (socket_ != nullptr && --socket_->users == 0) delete socket_;
}
std::unique_ptr<WiFiClient> WiFiClient::clone() const {
  return std::unique_ptr<WiFiClient>(new WiFiClient(*this));
}

int WiFiClient::connect(const char* host, uint16_t port) {
  IPAddress address;
  if (WiFi.hostByName(host, address, static_cast<uint32_t>(_timeout)) != 1) {
    return 0;
  }
  return connect(address, port);
}

int WiFiClient::connect(IPAddress ip, uint16_t port) {
  fake::Uncounted scope;
  if (socket_ == nullptr) socket_ = new FakeSocket();
  return socket_->open(ip, port, static_cast<uint32_t>(_timeout)) ? 1 : 0;
}

size_t WiFiClient::write(const uint8_t* data, size_t bytes) {
  return socket_ == nullptr
             ? 0
             : socket_->send(data, bytes, static_cast<uint32_t>(_timeout));
}

int WiFiClient::available() {
  if (socket_ == nullptr || !fake::net.wifi) return 0;
  socket_->fill();
  // The core yields here when nothing is there, or connect() would starve.
  if (socket_->peekedBytes == 0) fake::yieldNowAndThen();
  return static_cast<int>(socket_->peekedBytes);
}
int WiFiClient::read() {
  uint8_t byte;
  return available() > 0 && read(&byte, 1) == 1 ? byte : -1;
}
int WiFiClient::read(uint8_t* data, size_t bytes) {
  return socket_ == nullptr ? 0 : static_cast<int>(socket_->take(data, bytes));
}
int WiFiClient::peek() {
  return available() > 0 ? static_cast<uint8_t>(socket_->peeked[0]) : -1;
}
void WiFiClient::stop() {
  if (socket_ != nullptr) socket_->close();
}
// True while something is left to read, too.
uint8_t WiFiClient::connected() {
  if (socket_ == nullptr || socket_->fd < 0) return 0;
  socket_->fill();
  return !socket_->eof || socket_->peekedBytes > 0;
}
size_t WiFiClient::peekAvailable() { return static_cast<size_t>(available()); }
const char* WiFiClient::peekBuffer() { return socket_->peeked; }
void WiFiClient::peekConsume(size_t bytes) { socket_->consume(bytes); }

namespace BearSSL {

X509List::X509List(const char* pem) {
  const int count = fake::certificates(pem);
  count_ = count < 0 ? 0 : static_cast<size_t>(count);
}

// The real one owns the connection under the encryption; here both are one, but
// for the time limits.
WiFiClientSecure::WiFiClientSecure() { _owned = &ctx_; }
WiFiClientSecure::WiFiClientSecure(const WiFiClientSecure& other)
    : WiFiClient(other),
      mode_(other.mode_),
      now_(other.now_),
      receive_(other.receive_),
      session_(other.session_) {
  _owned = &ctx_;
}
WiFiClientSecure::~WiFiClientSecure() = default;
std::unique_ptr<WiFiClient> WiFiClientSecure::clone() const {
  return std::unique_ptr<WiFiClient>(new WiFiClientSecure(*this));
}
void WiFiClientSecure::setInsecure() { mode_ = kInsecure; }
bool WiFiClientSecure::setFingerprint(const uint8_t hash[20]) {
  mode_ = kFingerprint;
  memcpy(fingerprint_, hash, sizeof fingerprint_);
  return true;
}
void WiFiClientSecure::setTrustAnchors(const X509List*) { mode_ = kAuthority; }
void WiFiClientSecure::setBufferSizes(int receive, int) { receive_ = receive; }
int WiFiClientSecure::getLastSSLError(char*, size_t) { return error_; }

// Only this keeps the session: dropping the client does not.
void WiFiClientSecure::stop() {
  if (handshakeDone_ && session_ != nullptr) {
    session_->kept = true;
    ++fake::net.sessionsKept;
  }
  handshakeDone_ = false;
  WiFiClient::stop();
}

int WiFiClientSecure::connect(const char* host, uint16_t port) {
  fake::Uncounted scope;
  error_ = 0;
  IPAddress address;
  if (WiFi.hostByName(host, address, 10000) != 1) return 0;
  const unsigned long outer = _timeout;
  _timeout = ctx_.getTimeout();
  const int opened = WiFiClient::connect(address, port);
  _timeout = outer;
  if (opened != 1) return 0;
  if (session_ != nullptr && session_->kept) ++fake::net.sessionsResumed;
  ++fake::net.handshakes;
  fake::net.receiveBuffers.push_back(receive_);
  uint8_t actual[20];
  fake::fingerprint(actual, sizeof actual);
  if (fake::net.tlsError != 0) {
    error_ = fake::net.tlsError;
  } else if (mode_ == kNone) {
    error_ = 62;  // BR_ERR_X509_NOT_TRUSTED
  } else if (mode_ == kFingerprint && memcmp(actual, fingerprint_, 20) != 0) {
    error_ = 62;
  } else if (mode_ == kAuthority && fake::net.notAfter != 0 &&
             (now_ < fake::net.notBefore || now_ > fake::net.notAfter)) {
    error_ = 54;  // BR_ERR_X509_EXPIRED
  } else if (receive_ < 16384 && !fake::net.smallFragments) {
    error_ = 6;  // BR_ERR_TOO_LARGE
  }
  // The core pauses in a handshake, and gives up after 15 s.
  const uint32_t start = static_cast<uint32_t>(millis());
  while (socket_->fd >= 0 &&
         static_cast<uint32_t>(millis()) - start < fake::net.handshakeMs) {
    if (static_cast<uint32_t>(millis()) - start >= 15000) stop();
    yield();
  }
  if (socket_->fd < 0) return 0;
  if (error_ != 0) {
    stop();
    return 0;
  }
  socket_->startTls();
  handshakeDone_ = true;
  return 1;
}

bool WiFiClientSecure::probeMaxFragmentLength(const char*, uint16_t, uint16_t) {
  ++fake::net.probes;
  if (fake::net.failProbes > 0) {
    --fake::net.failProbes;
    return false;
  }
  return fake::net.smallFragments;
}

}  // namespace BearSSL
