// What only a sketch that takes commands, or describes itself, links.
#include "SMServer.h"
#include "internal/command_runner.h"

void SMServer::onCommand(const CommandCallback& callback) {
  commands_.reset();
  if (!callback) return;
  commands_.reset(
      smserver::newCommandRunner(store_, counters_, error_, callback));
  if (!commands_) fail(SMError::OutOfMemory);
}

void SMServer::describeFields(const SMField* fields, size_t count) {
  about_.describe(fields, count);
}

void SMServer::describeCommands(const SMCommandInfo* commands, size_t count) {
  about_.describe(commands, count);
}
