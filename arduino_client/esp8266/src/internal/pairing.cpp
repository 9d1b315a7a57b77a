#include "pairing.h"

#include <Arduino.h>
#include <string.h>

#include <memory>
#include <new>

#include "json_reader.h"

namespace smserver {

void Pairing::start(SMPairing::Request request, const char* uuid,
                    const char* code) {
  request_ = request;
  copyText(uuid, uuid_, sizeof uuid_);
  copyText(code, code_, sizeof code_);
}

const char* Pairing::write(char (&path)[kPathBytes],
                           char (&body)[kBodyBytes]) {
  switch (request_) {
    case SMPairing::Request::Code:
      strcpy_P(path, PSTR("/devices/pairing-code"));
      return "POST";
    case SMPairing::Request::Agents:
      snprintf_P(path, sizeof path, PSTR("/devices/agents?limit=%u%s%s"),
                 unsigned{kPage}, uuid_[0] == '\0' ? "" : "&after=", uuid_);
      return "GET";
    default:
      break;
  }
  snprintf_P(path, sizeof path, PSTR("/devices/agents/%s"), uuid_);
  if (request_ == SMPairing::Request::Unpair) return "DELETE";
  snprintf_P(body, sizeof body, PSTR("{\"code\":\"%s\"}"), code_);
  return "PUT";
}

void Pairing::done(const SMErrorInfo& error, const HttpReply& reply,
                   const char* body) {
  if (!callback_) return;
  // A page of UUIDs is too large for the stack.
  struct Page {
    char uuids[kPage][kUuidBytes];
    const char* list[kPage];
  };
  SMPairing answer = {request_, error, code_, 0, uuid_, nullptr, 0, false};
  std::unique_ptr<Page> page(new (std::nothrow) Page());
  if (!page) {
    answer.error = {SMError::OutOfMemory, static_cast<int32_t>(sizeof(Page))};
  } else if (error.code == SMError::None &&
             !parse(reply, body, &answer, page->uuids, page->list)) {
    answer.error = {SMError::BadAnswer, reply.status};
  }
  callback_(answer);
}

bool Pairing::parse(const HttpReply& reply, const char* body,
                    SMPairing* answer, char (&uuids)[kPage][kUuidBytes],
                    const char* (&list)[kPage]) {
  char ok[4] = "";
  bool complete = request_ == SMPairing::Request::Pair ||
                  request_ == SMPairing::Request::Unpair;
  JsonReader reader(body, reply.length);
  while (reader.next()) {
    if (reader.is("c")) reader.string(ok, sizeof ok);
    if (reader.is("x")) reader.number(&answer->validS);
    if (reader.is("next")) answer->more = true;
    if (reader.is("code") && request_ == SMPairing::Request::Code) {
      complete = reader.string(code_, sizeof code_);
    }
    if (!reader.is("a") || request_ != SMPairing::Request::Agents) continue;
    complete = *reader.value() == '[';
    const char* from = nullptr;
    while (answer->count < kPage &&
           reader.element(&from, uuids[answer->count], kUuidBytes)) {
      list[answer->count] = uuids[answer->count];
      ++answer->count;
    }
    answer->uuids = list;
  }
  return complete && reader.valid() && strcmp(ok, "OK") == 0;
}

}  // namespace smserver
