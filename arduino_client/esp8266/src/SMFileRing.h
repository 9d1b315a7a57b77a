#pragma once

#include <FS.h>

#include "internal/record.h"

// Keeps telemetry records in files, so that they outlive a long time without a
// network, and a restart. Make one, and give its address in
// SMServerOptions::recordFile:
//
//   SMFileRing records(LittleFS, "/records", 65536);
//
// Call LittleFS.begin() before SMServer::begin(). The SMFileRing must outlive
// the SMServer.
//
// Records go to flash when they have been in RAM for SMSERVER_SAVE_AFTER_MS
// without being acknowledged, when the ring in RAM is full, and at end(). Eight
// files, "/records0" to "/records7", take turns; a file goes as a whole once
// all of its records are acknowledged, or when the room is used up and it is
// the oldest. A power cut costs at most the record that was being written.
class SMFileRing : public smserver::RecordFile {
 public:
  // `path` is up to 24 characters and must outlive this. `bytes` is what all
  // files may have together: 8 KiB or more, or it is taken as 8 KiB.
  SMFileRing(fs::FS& fs, const char* path, uint32_t bytes = 65536)
      : fs_(fs),
        path_(path),
        segmentBytes_((bytes < kMinBytes ? kMinBytes : bytes) / kSegments) {}

  // For the library. These are inline so that only a sketch that includes this
  // file has a virtual table, which the linker would keep in every sketch.
  bool open() override { return openFiles(); }
  size_t count() const override { return count_; }
  int save(smserver::ByteRing* ring, const smserver::Moment& now) override {
    return saveRing(ring, now);
  }
  size_t peek(smserver::RecordHeader* header) override {
    return peekRecord(header);
  }
  bool read(char* json, size_t length) override {
    return readRecord(json, length);
  }
  bool atEnd() const override { return passed_ == count_; }
  size_t passed() const override { return passed_; }
  void advance() override { advanceCursor(); }
  void rewind() override {
    cursor_ = front_;
    cursorKnown_ = false;
    passed_ = 0;
  }
  size_t trim(const smserver::Acknowledged& acknowledged,
              bool awaited) override {
    return trimFront(acknowledged, awaited);
  }

 private:
  static constexpr uint32_t kMinBytes = 8192;
  static constexpr uint8_t kSegments = 8;
  // A segment starts with magic and its number; a record is a length, a CRC
  // over all that follows, the header and the JSON.
  static constexpr uint32_t kStart = 8;
  static constexpr uint32_t kPrefixBytes = 6 + smserver::RecordHeader::kBytes;

  // A place in the files: a segment by its number, and an offset in it.
  struct Place {
    uint32_t segment;
    uint32_t offset;
  };
  struct Entry {
    smserver::RecordHeader header;
    uint32_t crc = 0;      // as it is in the file
    uint32_t headCrc = 0;  // over the header
    uint16_t length = 0;   // of the JSON; 0: unreadable
  };

  bool openFiles();
  int saveRing(smserver::ByteRing* ring, const smserver::Moment& now);
  size_t peekRecord(smserver::RecordHeader* header);
  bool readRecord(char* json, size_t length);
  void advanceCursor();
  size_t trimFront(const smserver::Acknowledged& acknowledged, bool awaited);
  uint8_t slot(uint32_t segment) const { return segment % kSegments; }
  void name(uint32_t segment, char (&out)[28]) const;
  bool scan(uint8_t index, uint32_t* segment);
  bool startSegment(int* dropped);
  void removeSegment(uint32_t segment);
  void restart();
  // Moves a place behind the end of a segment to the start of the next.
  void settle(Place* place) const;
  Entry entryAt(const Place& place) const;
  bool append(fs::File* file, smserver::ByteRing* ring);
  static void date(smserver::ByteRing* ring, const smserver::Moment& now);

  fs::FS& fs_;
  const char* path_;
  uint32_t segmentBytes_;
  uint32_t oldest_ = 0;
  uint32_t newest_ = 0;
  uint32_t ends_[kSegments] = {};     // valid bytes; 0: no such segment
  uint16_t records_[kSegments] = {};  // not yet trimmed
  Place front_ = {0, 0};
  Place cursor_ = {0, 0};
  Place run_ = {0, 0};  // where this run began to write
  Entry frontEntry_;
  Entry cursorEntry_;
  bool frontKnown_ = false;
  bool cursorKnown_ = false;
  bool sealed_ = true;  // the newest segment takes no more
  size_t count_ = 0;
  size_t passed_ = 0;
};
