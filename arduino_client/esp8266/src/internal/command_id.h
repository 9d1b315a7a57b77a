#pragma once

#include <stddef.h>

#include "../SMServerConfig.h"

namespace smserver {

// The id of a command, printable and without quotes; false when the text is not
// JSON or has none.
bool commandId(const char* json, size_t length,
               char (&out)[SMSERVER_COMMAND_ID_BYTES + 1]);

// What a reply begins with: {"i":"<id>". No other command's begins so.
struct ReplyHead {
  explicit ReplyHead(const char* id);
  size_t bytes;
  char text[SMSERVER_COMMAND_ID_BYTES + 8];
};

}  // namespace smserver
