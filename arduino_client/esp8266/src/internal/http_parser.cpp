#include "http_parser.h"

#include <Arduino.h>
#include <string.h>

#include "answers.h"
#include "decimal.h"

namespace smserver {

bool HttpParser::feed(char c) {
  if (part_ == Part::Body) return bodyByte(c);
  if (part_ >= Part::Done) return false;
  if (c != '\n') {
    if (c != '\r' && lineBytes_ < sizeof line_ - 1) line_[lineBytes_++] = c;
    return true;
  }
  line_[lineBytes_] = '\0';
  lineBytes_ = 0;
  return endLine();
}

bool HttpParser::bodyByte(char c) {
  if (reply_.length == capacity_) {
    tooLong_ = true;
    part_ = Part::Done;
    return false;
  }
  body_[reply_.length++] = c;
  if (left_ == kUnknown || --left_ > 0) return true;
  part_ = chunked_ ? Part::ChunkEnd : Part::Done;
  return chunked_;
}

// A number up to a blank, a semicolon or the end; kUnknown otherwise.
static uint32_t parseLength(const char* text, uint32_t base) {
  uint32_t value;
  const bool good = parseNumber(text, strcspn(text, "; "), base, &value);
  return good ? value : 0xFFFFFFFF;
}

bool HttpParser::endLine() {
  switch (part_) {
    case Part::Status: {
      const bool http =
          strncmp_P(line_, PSTR("HTTP/1."), 7) == 0 && line_[8] == ' ';
      const uint32_t status = http ? parseLength(line_ + 9, 10) : kUnknown;
      if (status < 100 || status > 999) {
        part_ = Part::Bad;
        return false;
      }
      reply_.status = static_cast<int>(status);
      part_ = Part::Header;
      return true;
    }
    case Part::Header:
      if (line_[0] == '\0') return endHeader();
      header();
      return part_ != Part::Bad;
    case Part::ChunkEnd:
      part_ = line_[0] == '\0' ? Part::ChunkSize : Part::Bad;
      return part_ != Part::Bad;
    default: {
      left_ = parseLength(line_, 16);
      part_ = left_ == kUnknown ? Part::Bad
                                : (left_ == 0 ? Part::Done : Part::Body);
      return part_ == Part::Body;
    }
  }
}

const char* HttpParser::valueOf(const char* name) const {
  const size_t length = strlen_P(name);
  if (strncasecmp_P(line_, name, length) != 0) return nullptr;
  const char* value = line_ + length;
  while (*value == ' ' || *value == '\t') ++value;
  return value;
}

void HttpParser::header() {
  if (const char* value = valueOf(PSTR("Content-Length:"))) {
    left_ = parseLength(value, 10);
    if (left_ == kUnknown) part_ = Part::Bad;
  } else if (const char* value = valueOf(PSTR("Transfer-Encoding:"))) {
    chunked_ = strcasecmp_P(value, PSTR("chunked")) == 0;
    if (!chunked_) part_ = Part::Bad;
  } else if (const char* value = valueOf(PSTR("Retry-After:"))) {
    reply_.retryAfterS = parseRetryAfter(value);
  } else if (const char* value = valueOf(PSTR("Date:"))) {
    reply_.dateS = parseHttpDate(value);
  }
}

bool HttpParser::endHeader() {
  if (reply_.status < 200) {  // 100, 103: the answer is still to come
    reply_ = HttpReply();
    part_ = Part::Status;
    return true;
  }
  if (chunked_) {
    part_ = Part::ChunkSize;
  } else {
    part_ = left_ == 0 ? Part::Done : Part::Body;
  }
  return part_ != Part::Done;
}

HttpReply HttpParser::finish(int fault) {
  const bool to_the_end = part_ == Part::Body && !chunked_ &&
                          left_ == kUnknown && fault == kSMHttpClosed;
  if (part_ == Part::Bad) {
    reply_.status = kSMHttpNotHttp;
  } else if (part_ != Part::Done && !to_the_end) {
    reply_.status = fault;
  }
  if (tooLong_ || reply_.status < 0) reply_.length = 0;
  return reply_;
}

}  // namespace smserver
