// The parser of HTTP answers, byte by byte.
#include <string>
#include <vector>

#include "check.h"
#include "internal/http_parser.h"
#include "internal/identity.h"

using namespace smserver;

namespace {

struct Answer {
  HttpReply reply;
  std::string body;
  size_t taken = 0;  // bytes until no more was needed
};

Answer parse(const std::string& text, size_t capacity = 100,
             int fault = kSMHttpClosed) {
  std::vector<char> body(capacity);
  HttpParser parser(body.data(), capacity);
  Answer answer;
  while (answer.taken < text.size() && parser.feed(text[answer.taken++])) {
  }
  answer.reply = parser.finish(fault);
  answer.body.assign(body.data(), answer.reply.length);
  return answer;
}

}  // namespace

TEST_CASE("an answer with a length ends where it says") {
  const Answer a =
      parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more");
  CHECK(a.reply.status == 200);
  CHECK(a.body == "hello");
  const Answer empty = parse("HTTP/1.1 404 X\r\ncontent-length:0\r\n\r\nx");
  CHECK(empty.reply.status == 404);
  CHECK(empty.body.empty());
}

TEST_CASE("an answer without a length ends with the connection") {
  CHECK(parse("HTTP/1.0 200 OK\r\n\r\nhello").body == "hello");
  CHECK(parse("HTTP/1.0 200 OK\n\nhello").body == "hello");
  // But not with time running out.
  CHECK(
      parse("HTTP/1.0 200 OK\r\n\r\nhello", 100, kSMHttpTimeout).reply.status ==
      kSMHttpTimeout);
}

TEST_CASE("chunks are put together") {
  const Answer a = parse(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nhel\r\n0002;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n");
  CHECK(a.reply.status == 200);
  CHECK(a.body == "hello");
  for (const char* bad :
       {"x\r\n", "\r\n", "-1\r\n", "3\r\nhello\r\n", "FFFFFFFFF\r\n"}) {
    CHECK_MESSAGE(
        parse(std::string(
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") +
              bad + "more\r\n0\r\n\r\n")
                .reply.status < 0,
        bad);
  }
}

TEST_CASE("headers that matter are read, whatever surrounds them") {
  const Answer a = parse(
      "HTTP/1.1 503 Service Unavailable\r\nX-Long: " + std::string(5000, 'x') +
      "\r\nretry-after: 120\r\nDATE:  Mon, 23 Nov 2026 21:17:42 GMT\r\n"
      "Date-X: no\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(a.reply.status == 503);
  CHECK(a.reply.retryAfterS == 120);
  CHECK(a.reply.dateS == 1795468662);
  CHECK(a.body == "{}");
}

TEST_CASE("answers that only announce another are passed over") {
  const Answer a = parse(
      "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  CHECK(a.reply.status == 200);
  CHECK(a.body == "{}");
}

TEST_CASE("what is not HTTP is told apart from silence") {
  for (const std::string& text :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string("\x15\x03\x01\r\n"),
        std::string("HTTP/2.0 200 OK\r\n\r\n"), std::string("HTTP/1.1\r\n\r\n"),
        std::string("HTTP/1.1 99 X\r\n\r\n"),
        std::string("HTTP/1.1 abc\r\n\r\n"),
        std::string("HTTP/1.1 200 X\r\nContent-Length: x\r\n\r\n"),
        std::string("HTTP/1.1 200 X\r\nTransfer-Encoding: gzip\r\n\r\nx")}) {
    CHECK_MESSAGE(parse(text).reply.status == kSMHttpNotHttp, text);
  }
  CHECK(parse("").reply.status == kSMHttpClosed);
  CHECK(parse("HTTP/1.1 200 OK\r\nContent-Le").reply.status == kSMHttpClosed);
  CHECK(
      parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").reply.status ==
      kSMHttpClosed);
}

TEST_CASE("a body that is too long is none, and is not read to its end") {
  const Answer a =
      parse("HTTP/1.1 403 X\r\n\r\n" + std::string(5000, 'x'), 100);
  CHECK(a.reply.status == 403);
  CHECK(a.body.empty());
  CHECK(a.taken < 200);
  const Answer fits = parse(
      "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'),
      100);
  CHECK(fits.body.size() == 100);
}

TEST_CASE("random bytes as an answer break nothing") {
  uint32_t state = 7;
  const auto next = [&] {
    return (state = state * 1664525 + 1013904223) >> 16;
  };
  const std::string good =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nRetry-After: 9\r\n"
      "Date: Mon, 23 Nov 2026 21:17:42 GMT\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (uint32_t n = next() % 4; n > 0; --n) {
      text[next() % text.size()] = static_cast<char>(next());
    }
    const Answer a = parse(text, next() % 10);
    CHECK(a.reply.length <= 10);
  }
}
