#include "pairing.h"

#include <Arduino.h>
#include <string.h>

#include <memory>
#include <new>

#include "answers.h"
#include "json_reader.h"
#include "text_writer.h"

namespace smserver {
namespace {

constexpr uint8_t kPage = 20;

class Pairing final : public Errand {
 public:
  Pairing(SMPairing::Request request, const char* uuid, const char* code,
          const PairingCallback& callback)
      : callback_(callback), request_(request) {
    copyText(uuid, uuid_, sizeof uuid_);
    copyText(code, code_, sizeof code_);
  }

  const char* write(char (&path)[kPathBytes],
                    char (&body)[kBodyBytes]) override;
  bool done(const SMErrorInfo& error, const HttpReply& reply,
            const char* body) override;

 private:
  void tell(const SMErrorInfo& error, const HttpReply& reply, const char* body);
  bool parse(const HttpReply& reply, const char* body, SMPairing* answer,
             char (&uuids)[kPage][kUuidBytes], const char* (&list)[kPage]);

  const PairingCallback& callback_;
  SMPairing::Request request_;
  char uuid_[kUuidBytes] = "";
  char code_[7] = "";
};

const char* Pairing::write(char (&path)[kPathBytes], char (&body)[kBodyBytes]) {
  TextWriter to(path, sizeof path);
  TextWriter json(body, sizeof body);
  const char* method = "PUT";
  to.put(F("/devices/"));
  switch (request_) {
    case SMPairing::Request::Code:
      to.put(F("pairing-code"));
      method = "POST";
      break;
    case SMPairing::Request::Agents:
      to.put(F("agents?limit=")).number(kPage);
      if (uuid_[0] != '\0') to.put(F("&after=")).put(uuid_);
      method = "GET";
      break;
    case SMPairing::Request::Pair:
      json.put(F("{\"code\":\"")).put(code_).put(F("\"}"));
      to.put(F("agents/")).put(uuid_);
      break;
    case SMPairing::Request::Unpair:
      to.put(F("agents/")).put(uuid_);
      method = "DELETE";
      break;
  }
  to.terminate();
  json.terminate();
  return method;
}

bool Pairing::done(const SMErrorInfo& error, const HttpReply& reply,
                   const char* body) {
  SMErrorInfo told = error;
  bool stale = false;
  if (error.code == SMError::None && reply.status != 200) {
    const Refusal refusal =
        parseRefusal(reply.status, body, reply.length, true);
    told = {refusal.error, reply.status};
    stale = refusal.remedy == Remedy::AskWithKey;
    if (stale && reply.status == 403) {  // wrong_device
      told.code = SMError::PairingRefused;
      stale = false;
    }
  }
  tell(told, reply, body);  // after which this object may be gone
  return stale;
}

void Pairing::tell(const SMErrorInfo& error, const HttpReply& reply,
                   const char* body) {
  if (!callback_) return;
  // Too large for the stack. Copies, for the callback may start the next
  // request, which takes the place of this object.
  struct Page {
    char uuids[kPage][kUuidBytes];
    const char* list[kPage];
    char uuid[kUuidBytes];
    char code[sizeof code_];
  };
  SMPairing answer = {request_, error, "", 0, "", nullptr, 0, false};
  std::unique_ptr<Page> page(new (std::nothrow) Page());
  if (!page) {
    answer.error = {SMError::OutOfMemory, static_cast<int32_t>(sizeof(Page))};
  } else if (error.code == SMError::None &&
             !parse(reply, body, &answer, page->uuids, page->list)) {
    answer.error = {SMError::BadAnswer, reply.status};
  }
  if (page) {
    copyText(uuid_, page->uuid, sizeof page->uuid);
    copyText(code_, page->code, sizeof page->code);
    answer.uuid = page->uuid;
    answer.code = page->code;
  }
  callback_(answer);
}

bool Pairing::parse(const HttpReply& reply, const char* body, SMPairing* answer,
                    char (&uuids)[kPage][kUuidBytes],
                    const char* (&list)[kPage]) {
  char ok[4] = "";
  bool complete = request_ == SMPairing::Request::Pair ||
                  request_ == SMPairing::Request::Unpair;
  JsonReader reader(body, reply.length);
  while (reader.next()) {
    reader.string("c", ok, sizeof ok);
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

}  // namespace

Errand* newPairing(SMPairing::Request request, const char* uuid,
                   const char* code, const PairingCallback& callback) {
  return new (std::nothrow) Pairing(request, uuid, code, callback);
}

}  // namespace smserver
