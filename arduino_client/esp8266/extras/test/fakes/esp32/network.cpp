#include "NetworkClientSecure.h"
#include "WiFi.h"
#include "mbedtls/x509_crt.h"
#include "net_control.h"
#include "socket.h"
#include "test_control.h"

WiFiClass WiFi;
NetworkManager Network;

wl_status_t WiFiClass::status() {
  return fake::net.wifi ? WL_CONNECTED : WL_DISCONNECTED;
}
int8_t WiFiClass::RSSI() { return static_cast<int8_t>(fake::net.rssi); }
int WiFiClass::hostByName(const char* name, IPAddress& out) {
  return Network.hostByName(name, out);
}

// Without a time limit of the caller's; lwIP gives up by itself.
int NetworkManager::hostByName(const char* name, IPAddress& out) {
  constexpr uint32_t kLwipLimitMs = 14000;
  uint32_t v4;
  if (!fake::resolve(name, &v4, kLwipLimitMs)) return 0;
  out = IPAddress(v4);
  return 1;
}

NetworkClient::NetworkClient() = default;
NetworkClient::~NetworkClient() {
  fake::Uncounted scope;
  socket_.reset();
}

int NetworkClient::connect(IPAddress ip, uint16_t port) {
  return connect(ip, port, _timeout);
}
int NetworkClient::connect(IPAddress ip, uint16_t port, int32_t timeoutMs) {
  fake::Uncounted scope;
  _timeout = static_cast<int>(timeoutMs);
  socket_ = std::make_shared<FakeSocket>();
  _connected = socket_->open(ip, port, static_cast<uint32_t>(timeoutMs));
  if (!_connected) socket_.reset();
  return _connected ? 1 : 0;
}
int NetworkClient::connect(const char* host, uint16_t port) {
  return connect(host, port, _timeout);
}
int NetworkClient::connect(const char* host, uint16_t port, int32_t timeoutMs) {
  IPAddress address;
  return Network.hostByName(host, address) == 1
             ? connect(address, port, timeoutMs)
             : 0;
}

size_t NetworkClient::write(const uint8_t* data, size_t bytes) {
  if (!socket_ || !_connected) return 0;
  const size_t sent =
      socket_->send(data, bytes, static_cast<uint32_t>(_timeout));
  if (socket_->eof) stop();
  return sent;
}

int NetworkClient::available() {
  if (!socket_ || !fake::net.wifi) return 0;
  socket_->fill();
  if (socket_->peekedBytes == 0) fake::yieldNowAndThen();
  return static_cast<int>(socket_->peekedBytes);
}
int NetworkClient::read() {
  uint8_t byte;
  return available() > 0 && read(&byte, 1) == 1 ? byte : -1;
}
// 0 when nothing is there, -1 when there is no connection.
int NetworkClient::read(uint8_t* data, size_t bytes) {
  return socket_ ? static_cast<int>(socket_->take(data, bytes)) : -1;
}
int NetworkClient::peek() {
  return available() > 0 ? static_cast<uint8_t>(socket_->peeked[0]) : -1;
}
void NetworkClient::clear() {
  if (socket_) socket_->peekedBytes = 0;
}
void NetworkClient::flush() { clear(); }
void NetworkClient::stop() {
  fake::Uncounted scope;
  if (socket_) socket_->close();
  socket_.reset();
  _connected = false;
}
// False once the peer has closed and the network stack has handed everything
// over, although the client may hold bytes that nobody has read.
uint8_t NetworkClient::connected() {
  if (!socket_ || socket_->fd < 0) return 0;
  socket_->fill();
  if (socket_->eof) _connected = false;
  return _connected ? 1 : 0;
}

NetworkClientSecure::NetworkClientSecure() { _timeout = 30000; }
NetworkClientSecure::~NetworkClientSecure() = default;

void NetworkClientSecure::setInsecure() {
  _use_insecure = true;
  _CA_cert = nullptr;
}
void NetworkClientSecure::setCACert(const char* pem) {
  _use_insecure = false;
  _CA_cert = pem;
}
void NetworkClientSecure::setHandshakeTimeout(unsigned long seconds) {
  handshakeMs_ = seconds * 1000;
}

int NetworkClientSecure::connect(IPAddress ip, uint16_t port) {
  if (_CA_cert == nullptr && !_use_insecure) {
    error_ = -1;
    return 0;
  }
  return NetworkClient::connect(ip, port, _timeout) == 1 ? handshake() : 0;
}
int NetworkClientSecure::connect(IPAddress ip, uint16_t port,
                                 int32_t timeoutMs) {
  _timeout = static_cast<int>(timeoutMs);
  return connect(ip, port);
}
int NetworkClientSecure::connect(const char* host, uint16_t port) {
  IPAddress address;
  error_ = 0;
  return Network.hostByName(host, address) == 1 ? connect(address, port) : 0;
}
int NetworkClientSecure::connect(const char* host, uint16_t port,
                                 int32_t timeoutMs) {
  _timeout = static_cast<int>(timeoutMs);
  return connect(host, port);
}

int NetworkClientSecure::handshake() {
  fake::Uncounted scope;
  ++fake::net.handshakes;
  error_ = fake::net.tlsError;
  const uint32_t limit = static_cast<uint32_t>(handshakeMs_);
  if (fake::net.handshakeMs > limit) {
    fake::advance(limit);
    error_ = -1;
  } else {
    fake::advance(fake::net.handshakeMs);
  }
  if (error_ != 0) {
    stop();
    return 0;
  }
  socket_->startTls();
  return 1;
}

size_t NetworkClientSecure::write(const uint8_t* data, size_t bytes) {
  return NetworkClient::write(data, bytes);
}
// A close is seen when everything before it was read; then all is torn down.
int NetworkClientSecure::available() {
  const int ready = NetworkClient::available();
  if (ready == 0 && socket_ && socket_->eof) stop();
  return ready;
}
int NetworkClientSecure::read() {
  uint8_t byte;
  const int got = read(&byte, 1);
  return got == 1 ? byte : -1;
}
int NetworkClientSecure::read(uint8_t* data, size_t bytes) {
  if (available() <= 0) return -1;
  return bytes == 0 ? 0 : NetworkClient::read(data, bytes);
}
void NetworkClientSecure::stop() { NetworkClient::stop(); }
uint8_t NetworkClientSecure::connected() {
  if (_connected) available();
  return _connected ? 1 : 0;
}

bool NetworkClientSecure::getFingerprintSHA256(uint8_t hash[32]) {
  if (!socket_) return false;
  fake::fingerprint(hash, 32);
  return true;
}
int NetworkClientSecure::lastError(char* text, size_t bytes) {
  if (bytes > 0) snprintf(text, bytes, "error %d", error_);
  return error_;
}

void mbedtls_x509_crt_init(mbedtls_x509_crt* chain) { chain->count = 0; }
void mbedtls_x509_crt_free(mbedtls_x509_crt* chain) { chain->count = 0; }
int mbedtls_x509_crt_parse(mbedtls_x509_crt* chain, const unsigned char* text,
                           size_t bytes) {
  // The NUL counts, or the text is taken for DER.
  if (bytes == 0 || text[bytes - 1] != 0) return -0x2180;
  chain->count = fake::certificates(reinterpret_cast<const char*>(text));
  return chain->count > 0 ? 0 : -0x2180;
}
