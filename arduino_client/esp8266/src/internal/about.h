#pragma once

#include "../SMServerTypes.h"
#include "text_writer.h"

namespace smserver {

// What the device says about itself, docs/protocol.md, "about".
class About {
 public:
  // The arrays must outlive this.
  void describe(const SMField* fields, size_t count);
  void describe(const SMCommandInfo* commands, size_t count);

  // Writes the message. What would make it longer than there is room (TooLong),
  // or not JSON (BadPayload), is left out.
  SMError write(const char* firmware, TextWriter* out) const;

 private:
  // A sketch that describes nothing does not link how it is written.
  using Part = void (*)(const About& about, TextWriter* out);

  static void writeFields(const About& about, TextWriter* out);
  static void writeCommands(const About& about, TextWriter* out);

  Part parts_[2] = {nullptr, nullptr};
  const SMField* fields_ = nullptr;
  const SMCommandInfo* commands_ = nullptr;
  size_t fieldCount_ = 0;
  size_t commandCount_ = 0;
};

}  // namespace smserver
