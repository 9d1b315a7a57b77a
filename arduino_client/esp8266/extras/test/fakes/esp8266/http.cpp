#include <stdlib.h>
#include <strings.h>

#include <string>
#include <utility>
#include <vector>

#include "ESP8266HTTPClient.h"
#include "test_control.h"

struct FakeHttp {
  std::unique_ptr<WiFiClient> client;
  std::string host, uri, headers;
  uint16_t port = 0;
  uint16_t timeoutMs = 5000;
  bool reuse = true;
  bool chunked = false;
  int size = -1;
  int code = 0;
  std::vector<std::pair<std::string, std::string>> wanted;

  // As Stream::readStringUntil: the limit is one of each byte.
  bool line(std::string* out) {
    out->clear();
    for (;;) {
      const uint32_t start = static_cast<uint32_t>(millis());
      int c;
      while ((c = client->read()) < 0) {
        if (client->getTimeout() == 0 ||
            static_cast<uint32_t>(millis()) - start >= client->getTimeout() ||
            !client->connected()) {
          return !out->empty();
        }
        yield();
      }
      if (c == '\n') return true;
      if (out->size() < 60000) out->push_back(static_cast<char>(c));
    }
  }

  int fail(int error) {
    if (client) client->stop();
    return error;
  }
};

HTTPClient::HTTPClient() {
  fake::Uncounted scope;
  http_ = new FakeHttp();
}
HTTPClient::~HTTPClient() {
  fake::Uncounted scope;
  delete http_;
}
bool HTTPClient::begin(WiFiClient& client, const String& host, uint16_t port,
                       const String& uri, bool) {
  http_->client = client.clone();
  fake::Uncounted scope;
  http_->host = host.c_str();
  http_->port = port;
  http_->uri = uri.c_str();
  return true;
}
void HTTPClient::end() {
  if (http_->client) http_->client->stop();
  http_->client.reset();
}
void HTTPClient::setReuse(bool reuse) { http_->reuse = reuse; }
void HTTPClient::setTimeout(uint16_t ms) { http_->timeoutMs = ms; }
void HTTPClient::collectHeaders(const char* keys[], size_t count) {
  fake::Uncounted scope;
  http_->wanted.clear();
  for (size_t i = 0; i < count; ++i) http_->wanted.push_back({keys[i], ""});
}
void HTTPClient::addHeader(const String& name, const String& value) {
  fake::Uncounted scope;
  http_->headers += std::string(name.c_str()) + ": " + value.c_str() + "\r\n";
}
int HTTPClient::getSize() { return http_->size; }
String HTTPClient::header(const char* name) {
  for (const auto& entry : http_->wanted) {
    if (entry.first == name) return String(entry.second.c_str());
  }
  return String();
}

int HTTPClient::GET() {
  fake::Uncounted scope;
  FakeHttp& http = *http_;
  if (!http.client) return HTTPC_ERROR_CONNECTION_FAILED;
  http.client->setTimeout(http.timeoutMs);
  if (http.client->connect(http.host.c_str(), http.port) != 1 ||
      !http.client->connected()) {
    return http.fail(HTTPC_ERROR_CONNECTION_FAILED);
  }
  const std::string request =
      "GET " + http.uri + " HTTP/1.1\r\nHost: " + http.host + ":" +
      std::to_string(http.port) +
      "\r\nUser-Agent: ESP8266HTTPClient\r\nAccept-Encoding: "
      "identity;q=1,chunked;q=0.1,*;q=0\r\nConnection: " +
      (http.reuse ? "keep-alive" : "close") + "\r\n" + http.headers +
      "Content-Length: 0\r\n\r\n";
  if (http.client->write(reinterpret_cast<const uint8_t*>(request.data()),
                         request.size()) != request.size()) {
    return http.fail(HTTPC_ERROR_SEND_HEADER_FAILED);
  }
  uint32_t last = static_cast<uint32_t>(millis());
  while (http.client->connected()) {
    if (http.client->available() <= 0) {
      if (static_cast<uint32_t>(millis()) - last > http.timeoutMs) {
        return http.fail(HTTPC_ERROR_READ_TIMEOUT);
      }
      yield();
      continue;
    }
    std::string line;
    http.line(&line);
    last = static_cast<uint32_t>(millis());
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
      line.pop_back();
    }
    const size_t colon = line.find(':');
    if (line.rfind("HTTP/1.", 0) == 0) {
      http.code = line.size() > 9 ? atoi(line.c_str() + 9) : 0;
    } else if (colon != std::string::npos && colon > 0) {
      const std::string name = line.substr(0, colon);
      size_t from = colon + 1;
      while (from < line.size() && line[from] == ' ') ++from;
      const std::string value = line.substr(from);
      if (strcasecmp(name.c_str(), "Content-Length") == 0) {
        http.size = atoi(value.c_str());
      }
      if (strcasecmp(name.c_str(), "Transfer-Encoding") == 0) {
        http.chunked = strcasecmp(value.c_str(), "chunked") == 0;
        if (!http.chunked) return http.fail(HTTPC_ERROR_ENCODING);
      }
      for (auto& entry : http.wanted) {
        if (strcasecmp(entry.first.c_str(), name.c_str()) == 0) {
          entry.second = value;
        }
      }
    } else if (line.empty()) {
      return http.code > 0 ? http.code : http.fail(HTTPC_ERROR_NO_HTTP_SERVER);
    }
  }
  return http.fail(HTTPC_ERROR_CONNECTION_LOST);
}

// As Stream::sendSize: ends when the source is dry for good, when the sink
// takes no more, or when nothing has moved for the client's time-out.
static int pump(WiFiClient* from, Print* to, int wanted) {
  int moved = 0;
  uint32_t last = static_cast<uint32_t>(millis());
  while (wanted < 0 || moved < wanted) {
    const size_t ready = from->peekAvailable();
    if (ready == 0 && !from->inputCanTimeout()) break;
    size_t step = static_cast<size_t>(to->availableForWrite());
    if (step == 0 && !to->outputCanTimeout()) break;
    if (step > ready) step = ready;
    if (wanted >= 0 && step > static_cast<size_t>(wanted - moved)) {
      step = static_cast<size_t>(wanted - moved);
    }
    if (step > 0) {
      step =
          to->write(reinterpret_cast<const uint8_t*>(from->peekBuffer()), step);
      from->peekConsume(step);
      moved += static_cast<int>(step);
      last = static_cast<uint32_t>(millis());
    } else if (static_cast<uint32_t>(millis()) - last > from->getTimeout()) {
      break;
    } else {
      yield();
    }
  }
  return moved;
}

int HTTPClient::writeToPrint(Print* out) {
  fake::Uncounted scope;
  FakeHttp& http = *http_;
  if (!http.chunked) {
    const int moved = pump(http.client.get(), out, http.size);
    if (http.size >= 0 && moved != http.size) {
      return http.fail(HTTPC_ERROR_STREAM_WRITE);
    }
    http.client->stop();
    return moved;
  }
  int total = 0;
  for (;;) {
    if (!http.client->connected())
      return http.fail(HTTPC_ERROR_CONNECTION_LOST);
    std::string line;
    if (!http.line(&line)) return http.fail(HTTPC_ERROR_READ_TIMEOUT);
    const int length = static_cast<int>(strtol(line.c_str(), nullptr, 16));
    if (length <= 0) break;
    if (pump(http.client.get(), out, length) != length) {
      return http.fail(HTTPC_ERROR_STREAM_WRITE);
    }
    total += length;
    if (!http.line(&line)) return http.fail(HTTPC_ERROR_READ_TIMEOUT);
  }
  http.client->stop();
  return total;
}
