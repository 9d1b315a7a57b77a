#pragma once

#include "dialer.h"

namespace smserver {

// One HTTP request on one connection, without a library: GET and the like with
// a bearer credential and small JSON bodies.
class HttpClient final : public HttpTransport {
 public:
  explicit HttpClient(Dialer& dialer) : dialer_(dialer) {}

  SMErrorInfo openHttp(const Endpoint& endpoint, uint32_t unixS,
                       bool verify) override;
  HttpReply exchange(const Endpoint& endpoint, const HttpRequest& request,
                     char* body) override;
  void closeHttp() override;

 private:
  bool send(const Endpoint& endpoint, const HttpRequest& request, char* text);

  Dialer& dialer_;
  std::unique_ptr<TcpClient> socket_;
};

}  // namespace smserver
