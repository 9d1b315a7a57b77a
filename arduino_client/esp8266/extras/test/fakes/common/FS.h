// Files of LittleFS. What is written counts once the file was flushed or
// closed: a power cut before leaves the file as it was.
#pragma once

#include <memory>

#include "Arduino.h"

namespace fs {

enum SeekMode { SeekSet = 0, SeekCur = 1, SeekEnd = 2 };

struct FakeFile;

class File : public Stream {
 public:
  File(std::shared_ptr<FakeFile> file = nullptr) : file_(std::move(file)) {}
  ~File() override;
  File(const File&) = default;
  File& operator=(const File&) = default;
  using Print::write;
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t* data, size_t bytes) override;
  int available() override;
  int read() override;
#ifdef ESP8266
  int read(uint8_t* data, size_t bytes) override;
  bool truncate(uint32_t bytes);
#else
  size_t read(uint8_t* data, size_t bytes);
#endif
  int peek() override;
  void flush() override;
  bool seek(uint32_t position, SeekMode mode = SeekSet);
  size_t position() const;
  size_t size() const;
  void close();
  operator bool() const { return file_ != nullptr; }

 private:
  size_t take(uint8_t* data, size_t bytes);

  std::shared_ptr<FakeFile> file_;
};

class FS {
 public:
  File open(const char* path, const char* mode);
  bool exists(const char* path);
  bool remove(const char* path);
  bool rename(const char* from, const char* to);
};

}  // namespace fs

using fs::File;
using fs::FS;
using fs::SeekCur;
using fs::SeekEnd;
using fs::SeekMode;
using fs::SeekSet;
