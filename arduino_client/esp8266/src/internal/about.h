#pragma once

#include "../SMServerTypes.h"
#include "text_writer.h"

namespace smserver {

// What the device says about itself, docs/protocol.md, "about".
struct About {
  const SMField* fields = nullptr;
  size_t fieldCount = 0;
  const SMCommandInfo* commands = nullptr;
  size_t commandCount = 0;

  // Writes the message. Descriptions that do not fit are left out; false then.
  bool write(const char* firmware, TextWriter* out) const;
};

}  // namespace smserver
