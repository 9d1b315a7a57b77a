#pragma once

#include <stddef.h>
#include <stdint.h>

#include "timing.h"

namespace smserver {

// What the library knows of a telemetry record, besides its JSON. Kept in the
// ring and in the file as kBytes bytes, little-endian.
struct RecordHeader {
  static constexpr size_t kBytes = 15;
  static constexpr size_t kFlagsAt = 0;

  enum Flags : uint8_t {
    kNumbered = 1,  // boot and number go out with it
    kDated = 2,     // it has a "ts" of its own
    kUptime = 4,    // madeMs is an uptime of this run, else Unix, 0: unknown
    kFinished = 8,  // nothing is to be done for it any more
  };

  uint8_t flags = 0;
  // The rest lies in a row, as in the bytes.
  uint32_t boot = 0;
  uint32_t number = 0;
  uint64_t madeMs __attribute__((packed, aligned(4))) = 0;

  bool has(Flags flag) const { return (flags & flag) != 0; }
  void pack(uint8_t (&out)[kBytes]) const;
  static RecordHeader unpack(const uint8_t (&from)[kBytes]);
};

// The last acknowledgement of each of the last few boots: records of earlier
// boots may still lie in the file.
class Acknowledged {
 public:
  void note(uint32_t boot, uint32_t number);
  bool covers(const RecordHeader& record) const;

 private:
  static constexpr uint8_t kBoots = 4;
  struct Entry {
    uint32_t boot;
    uint32_t number;
    bool used;
  };
  Entry entries_[kBoots] = {};
  uint8_t next_ = 0;
};

class ByteRing;

// Records in a file: those that have waited longer than the ones in RAM.
// SMFileRing implements it; the rest of the library knows only this, so that a
// sketch without it does not link a file system.
class RecordFile {
 public:
  // Finds what an earlier run has left. False when the file system is missing
  // or takes no files.
  virtual bool open() = 0;
  virtual size_t count() const = 0;
  // Appends all records of the ring, each with the time it was made if that is
  // known, and empties it. Returns how many of the oldest had to go, or -1 when
  // the file could not be written; the ring is then as it was.
  virtual int save(ByteRing* ring, const Moment& now) = 0;

  // The next record to be sent. Returns the length of its JSON, 0 when there is
  // none, or it cannot be read.
  virtual size_t peek(RecordHeader* header) = 0;
  // Reads as many bytes of that JSON; false when it is damaged.
  virtual bool read(char* json, size_t length) = 0;
  virtual bool atEnd() const = 0;
  // How many are older than that one.
  virtual size_t passed() const = 0;
  virtual void advance() = 0;
  virtual void rewind() = 0;
  // Removes the records at the front that are done with: acknowledged, or sent
  // and never to be acknowledged. Returns how many of them were acknowledged.
  virtual size_t trim(const Acknowledged& acknowledged, bool awaited) = 0;

 protected:
  ~RecordFile() = default;
};

}  // namespace smserver
