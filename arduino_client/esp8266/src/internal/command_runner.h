#pragma once

#include <ArduinoJson.h>

#include <functional>

#include "../KV.h"
#include "../SMResult.h"
#include "../SMServerTypes.h"
#include "command_handler.h"

namespace smserver {

using CommandCallback =
    std::function<SMResult(const char* name, JsonVariantConst arguments)>;

// Acts on each command once, and remembers the result in the store. Null when
// memory is out. The class behind it has no name outside of its file: the
// linker of this chip keeps every virtual table that has one, and all that it
// names, in every sketch.
CommandHandler* newCommandRunner(KV& kv, SMCounters& counters,
                                 SMErrorInfo& error,
                                 const CommandCallback& callback);

}  // namespace smserver
