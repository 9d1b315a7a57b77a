#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "Arduino.h"
#include "net_control.h"
#include "test_control.h"

namespace fake {

Net net;
void resetNet() { net = Net(); }

bool resolve(const char* name, uint32_t* v4, uint32_t limitMs) {
  Uncounted scope;
  if (!net.wifi) return false;
  if (net.dnsMs > limitMs) {
    advance(limitMs);
    return false;
  }
  advance(net.dnsMs);
  const auto known = net.names.find(name);
  const std::string text = known == net.names.end() ? name : known->second;
  in_addr address;
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return false;
  *v4 = address.s_addr;
  return true;
}

void fingerprint(uint8_t* out, size_t bytes) {
  size_t at = 0;
  const std::string& text = net.fingerprint;
  for (size_t i = 0; i < bytes; ++i) {
    while (at < text.size() && (text[at] == ':' || text[at] == ' ')) ++at;
    unsigned byte = 0;
    if (at < text.size()) sscanf(text.c_str() + at, "%2x", &byte);
    out[i] = static_cast<uint8_t>(byte);
    at += 2;
  }
}

int certificates(const char* pem) {
  static const std::string begin = "-----BEGIN CERTIFICATE-----";
  static const std::string end = "-----END CERTIFICATE-----";
  const std::string text = pem;
  int count = 0;
  for (size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
    const size_t close = text.find(end, at);
    if (close == std::string::npos) return -1;
    // A certificate is DER, a sequence: in Base64 it begins with M.
    const size_t body = text.find_first_not_of("\r\n", at + begin.size());
    if (text[body] != 'M') return -1;
    at = close;
    ++count;
  }
  return count;
}

void yieldNowAndThen() {
  static uint32_t lastMs = 0;
  static uint32_t calls = 0;
  const uint32_t now = static_cast<uint32_t>(millis());
  if (now == lastMs && ++calls < 8) return;
  calls = 0;
  yield();
  lastMs = static_cast<uint32_t>(millis());
}

}  // namespace fake

bool FakeSocket::open(uint32_t v4, uint16_t port, uint32_t limitMs) {
  ++fake::net.connects;
  close();
  eof = false;
  peekedBytes = 0;
  if (fake::net.silent) {
    fake::advance(limitMs);
    return false;
  }
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  if (made < 0) return false;
  fcntl(made, F_SETFL, O_NONBLOCK);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = v4;
  const int begun =
      ::connect(made, reinterpret_cast<sockaddr*>(&to), sizeof to);
  if (begun != 0 && errno == EINPROGRESS) {
    pollfd wait = {made, POLLOUT, 0};
    ::poll(&wait, 1, static_cast<int>(limitMs));
  }
  int error = 0;
  socklen_t bytes = sizeof error;
  sockaddr_in peer;
  socklen_t peer_bytes = sizeof peer;
  if (getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 ||
      error != 0 ||
      getpeername(made, reinterpret_cast<sockaddr*>(&peer), &peer_bytes) != 0) {
    ::close(made);
    return false;
  }
  int on = 1;
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fd = made;
  filledMs_ = static_cast<uint32_t>(millis()) - 1;
  ++fake::net.openSockets;
  if (fake::net.openSockets > fake::net.maxOpenSockets) {
    fake::net.maxOpenSockets = fake::net.openSockets;
  }
  return true;
}

void FakeSocket::close() {
  if (fd < 0) return;
  ::close(fd);
  fd = -1;
  --fake::net.openSockets;
  if (tls) --fake::net.openTls;
  tls = false;
}

void FakeSocket::fill() {
  if (fd < 0 || peekedBytes == sizeof peeked) return;
  const uint32_t now = static_cast<uint32_t>(millis());
  if (now == filledMs_) return;
  filledMs_ = now;
  const ssize_t got = ::recv(fd, peeked + peekedBytes,
                             sizeof peeked - peekedBytes, MSG_DONTWAIT);
  if (got > 0) {
    peekedBytes += static_cast<size_t>(got);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    eof = true;
  }
}

size_t FakeSocket::take(uint8_t* out, size_t bytes) {
  fill();
  if (bytes > peekedBytes) bytes = peekedBytes;
  memcpy(out, peeked, bytes);
  consume(bytes);
  return bytes;
}

void FakeSocket::consume(size_t bytes) {
  memmove(peeked, peeked + bytes, peekedBytes - bytes);
  peekedBytes -= bytes;
}

size_t FakeSocket::send(const uint8_t* data, size_t bytes, uint32_t limitMs) {
  if (fd < 0 || !fake::net.wifi) return 0;
  size_t sent = 0;
  if (bytes > fake::net.sendRoom) bytes = fake::net.sendRoom;
  fake::net.sendRoom -= bytes;
  while (sent < bytes) {
    const ssize_t step = ::send(fd, data + sent, bytes - sent, MSG_NOSIGNAL);
    if (step > 0) {
      sent += static_cast<size_t>(step);
      continue;
    }
    if (errno != EAGAIN) {
      eof = true;
      return sent;
    }
    pollfd wait = {fd, POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(limitMs)) != 1) return sent;
  }
  return sent;
}

void FakeSocket::startTls() {
  tls = true;
  ++fake::net.openTls;
  if (fake::net.openTls > fake::net.maxOpenTls) {
    fake::net.maxOpenTls = fake::net.openTls;
  }
}
