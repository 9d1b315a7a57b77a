#include "http_client.h"

#include <string.h>

#include "http_parser.h"
#include "text_writer.h"

namespace smserver {

// The longest request: a path of 96 characters, a token, and a pairing code.
static_assert(SMSERVER_ANSWER_BYTES >=
                  SMSERVER_TOKEN_BYTES + SMSERVER_HOST_BYTES + 288,
              "the answer's buffer serves for the request as well");

SMErrorInfo HttpClient::openHttp(const Endpoint& endpoint, uint32_t unixS,
                                 bool verify) {
  return dialer_.dial(&socket_, endpoint,
                      verify ? TlsProvider::Use::Http : TlsProvider::Use::Clock,
                      unixS, SMError::HttpUnreachable);
}

bool HttpClient::send(const Endpoint& endpoint, const HttpRequest& request,
                      char* text) {
  TextWriter out(text, SMSERVER_ANSWER_BYTES);
  out.put(request.method).put(' ').put(request.path);
  out.put(F(" HTTP/1.1\r\nHost: "));
  const bool v6 = strchr(endpoint.host, ':') != nullptr;
  if (v6) out.put('[');
  out.put(endpoint.host);
  if (v6) out.put(']');
  if (endpoint.port != (endpoint.tls ? 443 : 80)) {
    out.put(':').number(endpoint.port);
  }
  if (request.bearer != nullptr) {
    out.put(F("\r\nAuthorization: Bearer ")).put(request.bearer);
  }
  out.put(F("\r\nConnection: close\r\n"));
  if (request.json != nullptr) {
    out.put(F("Content-Type: application/json\r\nContent-Length: "));
    out.number(strlen(request.json)).put(F("\r\n\r\n")).put(request.json);
  } else {
    out.put(F("\r\n"));
  }
  return !out.overflowed() &&
         socket_->write(reinterpret_cast<const uint8_t*>(text), out.length()) ==
             out.length();
}

HttpReply HttpClient::exchange(const Endpoint& endpoint,
                               const HttpRequest& request, char* body) {
  HttpReply failed;
  const uint32_t start = millis();
  if (!socket_ || !send(endpoint, request, body)) {
    failed.status = kSMHttpNotSent;
    return failed;
  }
  HttpParser parser(body, SMSERVER_ANSWER_BYTES);
  int fault = kSMHttpTimeout;
  while (millis() - start < SMSERVER_NETWORK_MS) {
    if (socket_->available() > 0) {
      const int c = socket_->read();
      if (c >= 0 && !parser.feed(static_cast<char>(c))) break;
    } else if (!socket_->connected()) {
      fault = kSMHttpClosed;
      break;
    } else {
      chip::pause();
    }
  }
  return parser.finish(fault);
}

void HttpClient::closeHttp() {
  // The ESP8266's core keeps a TLS session for later only when it is told to
  // stop.
  if (socket_) socket_->stop();
  socket_.reset();
}

}  // namespace smserver
