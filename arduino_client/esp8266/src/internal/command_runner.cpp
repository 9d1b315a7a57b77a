#include "command_runner.h"

#include <new>

#include "command_id.h"
#include "command_memory.h"
#include "json_document.h"
#include "json_reader.h"

namespace smserver {
namespace {

// Names longer than this are none of the sketch's.
constexpr size_t kNameBytes = 64;

// Acts on each command once, and remembers the result in the store.
class CommandRunner final : public CommandHandler {
 public:
  CommandRunner(KV& kv, SMCounters& counters, SMErrorInfo& error,
                const CommandCallback& callback)
      : kv_(kv),
        memory_(kv),
        counters_(counters),
        error_(error),
        callback_(callback) {
    id_[0] = reply_[0] = '\0';
  }

  bool take(const char* json, size_t length) override;
  bool waiting() const override { return json_ != nullptr; }
  void run() override;
  const char* reply() const override {
    return reply_[0] == '\0' ? nullptr : reply_;
  }
  void replied() override { reply_[0] = '\0'; }
  void drop() override { json_ = nullptr; }

 private:
  void act(const char* name, const char* arguments, size_t bytes);
  void answer(const SMResult& result);
  void stored(KVError error);

  KV& kv_;
  CommandMemory memory_;
  SMCounters& counters_;
  SMErrorInfo& error_;
  CommandCallback callback_;
  // The command that is to be run; its text lies in the packet buffer.
  const char* json_ = nullptr;
  size_t jsonBytes_ = 0;
  char id_[SMSERVER_COMMAND_ID_BYTES + 1];
  char reply_[SMSERVER_COMMAND_ID_BYTES + SMSERVER_RESULT_BYTES + 32];
};

// Notes the id in flash; the next pass of loop() acts on the command. Until
// then no packet is read, so the text stays where it is.
bool CommandRunner::take(const char* json, size_t length) {
  if (!commandId(json, length, id_)) return false;
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
  replied();  // whatever find() has left
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
    reader.string("c", name, sizeof name);
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
  KVError error = memory_.finish(reply_);
  if (error == KVError::None) error = kv_.commit();
  stored(error);
}

void CommandRunner::act(const char* name, const char* arguments, size_t bytes) {
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

}  // namespace

CommandHandler* newCommandRunner(KV& kv, SMCounters& counters,
                                 SMErrorInfo& error,
                                 const CommandCallback& callback) {
  return new (std::nothrow) CommandRunner(kv, counters, error, callback);
}

}  // namespace smserver
