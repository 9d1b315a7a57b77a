#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ESP8266WiFi.h"
#include "Schedule.h"
#include "WiFiClientSecureBearSSL.h"
#include "net_control.h"
#include "test_control.h"

ESP8266WiFiClass WiFi;

struct FakeSocket {
  int fd = -1;
  int users = 1;
  bool eof = false;
  bool tls = false;
  char peeked[1024];
  size_t peekedBytes = 0;
  uint32_t filledMs = 0;

  void close() {
    if (fd < 0) return;
    ::close(fd);
    fd = -1;
    --fake::net.openSockets;
    if (tls) --fake::net.openTls;
    tls = false;
  }
  // Moves what has arrived into the small buffer; looks once a millisecond.
  void fill() {
    if (fd < 0 || peekedBytes == sizeof peeked) return;
    const uint32_t now = static_cast<uint32_t>(millis());
    if (now == filledMs) return;
    filledMs = now;
    const ssize_t got = ::recv(fd, peeked + peekedBytes,
                               sizeof peeked - peekedBytes, MSG_DONTWAIT);
    if (got > 0) {
      peekedBytes += static_cast<size_t>(got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      eof = true;
    }
  }
  void consume(size_t bytes) {
    memmove(peeked, peeked + bytes, peekedBytes - bytes);
    peekedBytes -= bytes;
  }
};

namespace fake {
Net net;
void resetNet() { net = Net(); }
}  // namespace fake

bool schedule_recurrent_function_us(const std::function<bool()>&, uint32_t) {
  return true;
}

wl_status_t ESP8266WiFiClass::status() {
  return fake::net.wifi ? WL_CONNECTED : WL_DISCONNECTED;
}

int ESP8266WiFiClass::hostByName(const char* name, IPAddress& out,
                                 uint32_t ms) {
  fake::Uncounted scope;
  if (!fake::net.wifi) return 0;
  if (fake::net.dnsMs > ms) {
    fake::advance(ms);
    return 0;
  }
  fake::advance(fake::net.dnsMs);
  const auto known = fake::net.names.find(name);
  const std::string text =
      known == fake::net.names.end() ? name : known->second;
  in_addr address;
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return 0;
  out = IPAddress(address.s_addr);
  return 1;
}

WiFiClient::WiFiClient() { _timeout = 5000; }
WiFiClient::WiFiClient(const WiFiClient& other) : socket_(other.socket_) {
  _timeout = other._timeout;
  if (socket_ != nullptr) ++socket_->users;
}
WiFiClient::~WiFiClient() {
  fake::Uncounted scope;
  if (socket_ != nullptr && --socket_->users == 0) {
    socket_->close();
    delete socket_;
  }
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
  ++fake::net.connects;
  if (socket_ == nullptr) socket_ = new FakeSocket();
  socket_->close();
  socket_->eof = false;
  socket_->peekedBytes = 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = ip;
  const int begun = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
  if (begun != 0 && errno == EINPROGRESS) {
    pollfd wait = {fd, POLLOUT, 0};
    ::poll(&wait, 1, static_cast<int>(_timeout));
  }
  int error = 0;
  socklen_t bytes = sizeof error;
  sockaddr_in peer;
  socklen_t peer_bytes = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_bytes) != 0) {
    ::close(fd);
    return 0;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  socket_->fd = fd;
  socket_->filledMs = static_cast<uint32_t>(millis()) - 1;
  ++fake::net.openSockets;
  if (fake::net.openSockets > fake::net.maxOpenSockets) {
    fake::net.maxOpenSockets = fake::net.openSockets;
  }
  return 1;
}

size_t WiFiClient::write(const uint8_t* data, size_t bytes) {
  if (socket_ == nullptr || socket_->fd < 0 || !fake::net.wifi) return 0;
  size_t sent = 0;
  while (sent < bytes) {
    const ssize_t step =
        ::send(socket_->fd, data + sent, bytes - sent, MSG_NOSIGNAL);
    if (step > 0) {
      sent += static_cast<size_t>(step);
      continue;
    }
    if (errno != EAGAIN) {
      socket_->eof = true;
      return sent;
    }
    pollfd wait = {socket_->fd, POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(_timeout)) != 1) return sent;
  }
  return sent;
}

// As the core's optimistic_yield(): gives way when some time has passed since
// the last time. Without it a wait for data would starve the other end.
static void optimisticYield() {
  static uint32_t lastMs = 0;
  static uint32_t calls = 0;
  const uint32_t now = static_cast<uint32_t>(millis());
  if (now == lastMs && ++calls < 8) return;
  calls = 0;
  yield();
  lastMs = static_cast<uint32_t>(millis());
}

int WiFiClient::available() {
  if (socket_ == nullptr || !fake::net.wifi) return 0;
  socket_->fill();
  // The core yields here when nothing is there, or connect() would starve.
  if (socket_->peekedBytes == 0) optimisticYield();
  return static_cast<int>(socket_->peekedBytes);
}
int WiFiClient::read() {
  uint8_t byte;
  return available() > 0 && read(&byte, 1) == 1 ? byte : -1;
}
int WiFiClient::read(uint8_t* data, size_t bytes) {
  if (socket_ == nullptr) return 0;
  socket_->fill();
  if (bytes > socket_->peekedBytes) bytes = socket_->peekedBytes;
  memcpy(data, socket_->peeked, bytes);
  socket_->consume(bytes);
  return static_cast<int>(bytes);
}
int WiFiClient::peek() {
  return available() > 0 ? static_cast<uint8_t>(socket_->peeked[0]) : -1;
}
void WiFiClient::stop() {
  if (socket_ != nullptr) socket_->close();
}
uint8_t WiFiClient::connected() {
  if (socket_ == nullptr || socket_->fd < 0) return 0;
  socket_->fill();
  return !socket_->eof || socket_->peekedBytes > 0;
}
size_t WiFiClient::peekAvailable() { return static_cast<size_t>(available()); }
const char* WiFiClient::peekBuffer() { return socket_->peeked; }
void WiFiClient::peekConsume(size_t bytes) { socket_->consume(bytes); }

namespace BearSSL {

WiFiClientSecure::WiFiClientSecure() = default;
WiFiClientSecure::WiFiClientSecure(const WiFiClientSecure& other) = default;
WiFiClientSecure::~WiFiClientSecure() = default;
std::unique_ptr<WiFiClient> WiFiClientSecure::clone() const {
  return std::unique_ptr<WiFiClient>(new WiFiClientSecure(*this));
}
void WiFiClientSecure::setInsecure() { mode_ = kInsecure; }
bool WiFiClientSecure::setFingerprint(const char* text) {
  mode_ = kFingerprint;
  fingerprint_ = text;
  return text != nullptr;
}
void WiFiClientSecure::setTrustAnchors(const X509List*) { mode_ = kAuthority; }
void WiFiClientSecure::setBufferSizes(int receive, int) { receive_ = receive; }
int WiFiClientSecure::getLastSSLError(char*, size_t) { return error_; }

int WiFiClientSecure::connect(const char* host, uint16_t port) {
  fake::Uncounted scope;
  error_ = 0;
  if (WiFiClient::connect(host, port) != 1) return 0;
  ++fake::net.handshakes;
  fake::net.receiveBuffers.push_back(receive_);
  if (fake::net.tlsError != 0) {
    error_ = fake::net.tlsError;
  } else if (mode_ == kNone) {
    error_ = 62;  // BR_ERR_X509_NOT_TRUSTED
  } else if (mode_ == kFingerprint && fake::net.fingerprint != fingerprint_) {
    error_ = 62;
  } else if (mode_ == kAuthority && fake::net.notAfter != 0 &&
             (now_ < fake::net.notBefore || now_ > fake::net.notAfter)) {
    error_ = 54;  // BR_ERR_X509_EXPIRED
  } else if (receive_ < 16384 && !fake::net.smallFragments) {
    error_ = 6;  // BR_ERR_TOO_LARGE
  }
  if (error_ != 0) {
    stop();
    return 0;
  }
  socket_->tls = true;
  ++fake::net.openTls;
  if (fake::net.openTls > fake::net.maxOpenTls) {
    fake::net.maxOpenTls = fake::net.openTls;
  }
  return 1;
}

bool WiFiClientSecure::probeMaxFragmentLength(const char*, uint16_t, uint16_t) {
  ++fake::net.probes;
  return fake::net.smallFragments;
}

}  // namespace BearSSL
