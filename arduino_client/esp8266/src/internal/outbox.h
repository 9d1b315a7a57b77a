#pragma once

#include "../SMServerTypes.h"
#include "byte_ring.h"
#include "record.h"

namespace smserver {

// Telemetry on its way to the server: numbers records, keeps each until the
// server has acknowledged it, says what to send next and what to send again
// (docs/protocol.md, "data, numbered" and "ack"). The oldest records may lie in
// a file, newer ones in a ring in RAM. When the room is used up the oldest go.
class Outbox {
 public:
  explicit Outbox(SMCounters& counters) : counters_(counters) {}

  // None, OutOfMemory or StorageFailed. `random` begins the numbers of a boot.
  SMError begin(const SMServerOptions& options, uint32_t random);
  // Records in RAM go into the file, if there is one.
  void end(const Moment& now);

  // Takes a record, a JSON object. `maxBytes` is what a message may have;
  // `needed` is set to what this one has. None, BadPayload, TooLong, QueueFull.
  SMError push(const char* json, size_t length, size_t maxBytes,
               const Moment& now, size_t* needed);

  // Room for the message that is to be sent next; 0 when there is none.
  size_t nextBytes();
  // Writes it and returns its length. The time is left out if the message would
  // be longer than `maxBytes` with it.
  size_t next(char* out, size_t maxBytes, const Moment& now);
  // It was sent.
  void sent(const Moment& now);
  // Nothing is to be sent now: all was, or too much is unacknowledged.
  bool allSent() const;

  // A new connection: whatever is not acknowledged goes out again.
  void reconnected(const Moment& now);
  // The server's {"b":…,"n":…}; false when it is not that.
  bool acknowledge(const char* payload, size_t length, const Moment& now);
  // Whether the broker lets the device listen to acknowledgements. Without
  // them, records are done with when they are sent.
  void expectAcknowledgements(bool expected);
  // Call it often: sends again what stays unacknowledged, saves to the file.
  void step(const Moment& now);

  size_t count() const;
  // Records wait that are to be sent with the time they were made.
  bool wantsTime() const;

 private:
  RecordHeader front() const { return headerAt(0); }
  RecordHeader current() const { return headerAt(ring_.current()); }
  RecordHeader headerAt(size_t at) const;
  uint64_t stamp(const RecordHeader& header, const Moment& now) const;
  bool makeRoom(size_t bytes, const Moment& now);
  bool save(const Moment& now);
  void trim();
  void rewind();
  void skipFinished();
  bool windowFull() const;
  uint32_t takeNumber();

  SMCounters& counters_;
  ByteRing ring_;
  RecordFile* file_ = nullptr;
  Acknowledged acknowledged_;
  uint64_t progressMs_ = 0;  // since when an acknowledgement is waited for
  uint64_t saveAtMs_ = 0;    // not before, after a failure
  uint32_t resendMs_ = 0;
  uint32_t boot_ = 0;
  uint32_t number_ = 0;  // of the last record
  bool numbered_ = true;
  bool stamped_ = true;
  bool awaited_ = true;    // acknowledgements are to be expected
  bool fromFile_ = false;  // the message of next() came from the file
};

}  // namespace smserver
