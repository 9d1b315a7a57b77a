#include "command_runner.h"

#include <string.h>

#include "identity.h"
#include "json_document.h"
#include "json_reader.h"

namespace smserver {
namespace {

// Names longer than this are none of the sketch's.
constexpr size_t kNameBytes = 64;

}  // namespace

// Notes the id in flash; the next pass of loop() acts on the command. Until
// then no packet is read, so the text stays where it is.
bool CommandRunner::take(const char* json, size_t length) {
  char id[sizeof id_];
  if (!commandId(json, length, id)) return false;
  strcpy(id_, id);
  switch (memory_.find(id_, reply_, sizeof reply_)) {
    case CommandMemory::Seen::Finished:
      ++counters_.repeatedCommands;
      return true;
    case CommandMemory::Seen::Begun:
      ++counters_.repeatedCommands;
      answer(SMResult::error(F("interrupted by a restart")));
      return true;
    case CommandMemory::Seen::Never:
      break;
  }
  replied();
  KVError error = memory_.begin(id_);
  if (error == KVError::None) error = kv_.commit();
  // Acting perhaps twice after a crash is better than never.
  stored(error);
  json_ = json;
  jsonBytes_ = length;
  return true;
}

void CommandRunner::run() {
  const char* const json = json_;
  json_ = nullptr;
  char name[kNameBytes] = "";
  const char* arguments = nullptr;
  size_t bytes = 0;
  JsonReader reader(json, jsonBytes_);
  while (reader.next()) {
    if (reader.is("c")) reader.string(name, sizeof name);
    if (reader.is("a")) {
      arguments = reader.value();
      bytes = reader.valueBytes();
    }
  }
  if (name[0] == '\0') {
    answer(SMResult::error(F("the command has no name")));
  } else {
    act(name, arguments, bytes);
  }
  KVError error = memory_.finish(id_, reply_);
  if (error == KVError::None) error = kv_.commit();
  stored(error);
}

void CommandRunner::act(const char* name, const char* arguments,
                        size_t bytes) {
  JsonDocument document;
  if (arguments != nullptr && !parseDocument(arguments, bytes, &document)) {
    error_ = {SMError::OutOfMemory, static_cast<int32_t>(bytes)};
    answer(SMResult::error(F("the arguments do not fit into memory")));
    return;
  }
  ++counters_.commands;
  answer(callback_(name, document.as<JsonVariantConst>()));
}

void CommandRunner::answer(const SMResult& result) {
  if (result.writeReply(id_, reply_, sizeof reply_) == 0) replied();
}

void CommandRunner::stored(KVError error) {
  if (error == KVError::None) return;
  error_ = {SMError::StorageFailed, static_cast<int32_t>(error)};
}

}  // namespace smserver
