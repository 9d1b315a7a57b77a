// HTTPClient of core 3.1.2: what it returns, its limits per line and not for
// the whole, its header matching, its work on a clone.
#pragma once

#include "WiFiClient.h"

#define HTTPC_ERROR_CONNECTION_FAILED (-1)
#define HTTPC_ERROR_SEND_HEADER_FAILED (-2)
#define HTTPC_ERROR_CONNECTION_LOST (-5)
#define HTTPC_ERROR_NO_HTTP_SERVER (-7)
#define HTTPC_ERROR_TOO_LESS_RAM (-8)
#define HTTPC_ERROR_ENCODING (-9)
#define HTTPC_ERROR_STREAM_WRITE (-10)
#define HTTPC_ERROR_READ_TIMEOUT (-11)

struct FakeHttp;

class HTTPClient {
 public:
  HTTPClient();
  ~HTTPClient();
  bool begin(WiFiClient& client, const String& host, uint16_t port,
             const String& uri, bool https);
  void end();
  void setReuse(bool reuse);
  void setTimeout(uint16_t ms);
  void collectHeaders(const char* keys[], size_t count);
  void addHeader(const String& name, const String& value);
  int GET();
  int getSize();
  String header(const char* name);
  int writeToPrint(Print* out);

 private:
  FakeHttp* http_;
};
