#include "test_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test_control.h"

namespace {

int listenOn(uint16_t* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at);
  ::listen(fd, 8);
  socklen_t bytes = sizeof at;
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &bytes);
  *port = ntohs(at.sin_port);
  return fd;
}

// Small packets must not wait for each other: the clock here does not either.
int acceptFrom(int listener) {
  const int fd = ::accept(listener, nullptr, nullptr);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// Everything that is there; false when the peer has closed.
bool readAll(int fd, std::string* in) {
  char chunk[2048];
  for (;;) {
    const ssize_t got = ::recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0) {
      in->append(chunk, static_cast<size_t>(got));
    } else {
      return got < 0;
    }
  }
}

void closeFd(int* fd) {
  if (*fd >= 0) ::close(*fd);
  *fd = -1;
}

}  // namespace

std::string mqttText(const std::string& text) {
  return std::string{static_cast<char>(text.size() >> 8),
                     static_cast<char>(text.size())} +
         text;
}

std::string mqttPacket(uint8_t header, const std::string& body) {
  std::string out(1, static_cast<char>(header));
  size_t rest = body.size();
  do {
    uint8_t byte = rest & 0x7F;
    rest >>= 7;
    if (rest > 0) byte |= 0x80;
    out.push_back(static_cast<char>(byte));
  } while (rest > 0);
  return out + body;
}

TestServer::TestServer() {
  httpListen_ = listenOn(&httpPort_);
  mqttListen_ = listenOn(&mqttPort_);
  fake::onYield = [this] { pump(); };
}

TestServer::~TestServer() {
  fake::onYield = nullptr;
  closeListeners();
  closeFd(&http_.fd);
  closeFd(&mqtt_.fd);
}

void TestServer::closeListeners() {
  closeFd(&httpListen_);
  closeFd(&mqttListen_);
}

std::string TestServer::http(int status, const std::string& body,
                             const std::string& headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) +
         "\r\nDate: Mon, 23 Nov 2026 21:17:42 GMT\r\n" + headers +
         "Connection: close\r\n\r\n" + body;
}

std::string TestServer::defaultAnswer(const std::string& request) const {
  if (request.rfind("GET /mqtt ", 0) == 0) {
    const std::string at = "127.0.0.1:" + std::to_string(mqttPort_);
    return http(200,
                R"({"c":"OK","ip":")" + at + R"(","tls":")" + at + R"("})");
  }
  if (request.find(" /devices/") != std::string::npos) {
    return http(200, pairingAnswer);
  }
  return http(200, R"({"c":"OK","t":"token-)" +
                       std::to_string(requests.size()) + R"(","u":")" + user +
                       R"(","x":)" + std::to_string(lifetimeS) +
                       R"(,"n":1795468662})");
}

void TestServer::pump() {
  if (pumping_) return;
  pollfd wait[4] = {{httpListen_, POLLIN, 0},
                    {mqttListen_, POLLIN, 0},
                    {http_.fd, POLLIN, 0},
                    {mqtt_.fd, POLLIN, 0}};
  // System calls are dear; this one spares most of them.
  if (http_.out.empty() && ::poll(wait, 4, 0) == 0) return;
  pumping_ = true;
  pumpHttp();
  pumpMqtt();
  pumping_ = false;
}

void TestServer::send(Peer& peer, const std::string& bytes) {
  if (peer.fd >= 0) ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void TestServer::pumpHttp() {
  if (http_.fd < 0) {
    if (httpListen_ < 0) return;
    http_.fd = acceptFrom(httpListen_);
    if (http_.fd < 0) return;
    http_.in.clear();
    http_.out.clear();
    closeAfter_ = false;
  }
  if (!readAll(http_.fd, &http_.in)) {
    closeFd(&http_.fd);
    return;
  }
  const size_t head = http_.in.find("\r\n\r\n");
  const size_t length = http_.in.find("Content-Length: ");
  const size_t body =
      length < head ? std::stoul(http_.in.substr(length + 16)) : 0;
  if (head != std::string::npos && http_.in.size() >= head + 4 + body &&
      http_.out.empty() && !closeAfter_) {
    requests.push_back(http_.in);
    http_.out = onRequest ? onRequest(http_.in) : defaultAnswer(http_.in);
    http_.in.clear();
    closeAfter_ = true;
  }
  if (!closeAfter_) return;
  const size_t step = drip == 0 ? http_.out.size() : drip;
  send(http_, http_.out.substr(0, step));
  http_.out.erase(0, step);
  if (http_.out.empty() && !keepOpen) closeFd(&http_.fd);
}

void TestServer::pumpMqtt() {
  if (mqttListen_ >= 0) {
    const int fd = acceptFrom(mqttListen_);
    if (fd >= 0) {
      closeFd(&mqtt_.fd);
      mqtt_.fd = fd;
      mqtt_.in.clear();
    }
  }
  if (mqtt_.fd < 0) return;
  if (!readAll(mqtt_.fd, &mqtt_.in)) {
    closeFd(&mqtt_.fd);
    return;
  }
  while (packet()) {
  }
}

bool TestServer::packet() {
  size_t length = 0, at = 1;
  for (int shift = 0;; shift += 7, ++at) {
    if (at >= mqtt_.in.size()) return false;
    const uint8_t byte = static_cast<uint8_t>(mqtt_.in[at]);
    length |= static_cast<size_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (mqtt_.in.size() < at + 1 + length) return false;
  const uint8_t header = static_cast<uint8_t>(mqtt_.in[0]);
  const std::string body = mqtt_.in.substr(at + 1, length);
  mqtt_.in.erase(0, at + 1 + length);
  handle(header, body);
  return mqtt_.fd >= 0;
}

void TestServer::handle(uint8_t header, const std::string& body) {
  const auto text = [&](size_t at) {
    const size_t n = (static_cast<uint8_t>(body[at]) << 8) |
                     static_cast<uint8_t>(body[at + 1]);
    return body.substr(at + 2, n);
  };
  switch (header & 0xF0) {
    case 0x10: {
      size_t at = 10;
      at += 2 + text(at).size();
      at += 2 + text(at).size();
      connects.push_back(text(at));
      if (!instead.empty()) {
        send(mqtt_, instead);
      } else if (connack == -1) {
        closeFd(&mqtt_.fd);
      } else if (connack >= 0) {
        send(mqtt_,
             mqttPacket(0x20, std::string{0, static_cast<char>(connack)}));
        if (connack > 0) closeFd(&mqtt_.fd);
      }
      break;
    }
    case 0xA0:
      unsubscribed.push_back(text(2));
      send(mqtt_, mqttPacket(0xB0, body.substr(0, 2)));
      break;
    case 0x80: {
      const std::string topic = text(2);
      const bool granted = !allow || allow(topic);
      if (granted) subscribed.push_back(topic);
      send(mqtt_, mqttPacket(0x90, body.substr(0, 2) +
                                       std::string(1, granted ? 1 : '\x80')));
      break;
    }
    case 0x30: {
      const std::string topic = text(0);
      const std::string payload = body.substr(2 + topic.size());
      published.push_back({topic, payload});
      if (echo) publish(topic, payload);
      if (answerPing && topic.size() > 5 &&
          topic.compare(topic.size() - 5, 5, "/ping") == 0 &&
          payload == R"({"c":"PING"})") {
        publish(topic, R"({"c":"PONG"})");
      }
      const bool numbered = payload.rfind("{\"b\":", 0) == 0;
      if (ackData && numbered) {
        // The number is all that follows up to the second comma.
        const size_t end = payload.find_first_of(",}", payload.find("\"n\":"));
        publish(topic.substr(0, topic.rfind('/')) + "/ack",
                payload.substr(0, end) + "}");
      }
      break;
    }
    case 0x40:
      ++acks;
      lastAck = body;
      break;
    case 0xC0:
      if (answerKeepAlive) send(mqtt_, mqttPacket(0xD0, ""));
      break;
    case 0xE0:
      closeFd(&mqtt_.fd);
      break;
  }
}

void TestServer::publish(const std::string& topic, const std::string& payload,
                         int qos, bool retained) {
  const std::string id = qos > 0 ? std::string("\x00\x07", 2) : "";
  const int flags = (qos << 1) | (retained ? 1 : 0);
  send(mqtt_, mqttPacket(static_cast<uint8_t>(0x30 | flags),
                         mqttText(topic) + id + payload));
}

void TestServer::sendRaw(const std::string& bytes) { send(mqtt_, bytes); }
void TestServer::closeMqtt() { closeFd(&mqtt_.fd); }
