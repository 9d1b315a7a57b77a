#pragma once

#include <stddef.h>

namespace smserver {

// What happens to commands. CommandRunner implements it; the rest of the
// library knows only this, so that a sketch that takes no commands does not
// link it.
class CommandHandler {
 public:
  virtual ~CommandHandler() = default;

  // Takes a message of the command topic, whose text stays where it is until
  // run(). False when it is not understood. There may be a reply() at once.
  virtual bool take(const char* json, size_t length) = 0;
  // A command was taken and waits for run().
  virtual bool waiting() const = 0;
  // Acts on it; afterwards there is a reply().
  virtual void run() = 0;
  // The reply that was not sent yet, or null. It ends in NUL.
  virtual const char* reply() const = 0;
  virtual void replied() = 0;
  // Forgets a command that waits: its text is gone.
  virtual void drop() = 0;
};

// The reply of a device that takes no commands. Returns its length, 0 when
// `json` has no command id.
size_t refuseCommand(const char* json, size_t length, char* out,
                     size_t capacity);

}  // namespace smserver
