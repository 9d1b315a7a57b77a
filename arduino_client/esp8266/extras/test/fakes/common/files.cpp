#include "LittleFS.h"
#include "test_control.h"

decltype(LittleFS) LittleFS;

struct fs::FakeFile {
  std::string path;
  std::vector<uint8_t> bytes;
  size_t at = 0;
  bool readable = false, writable = false, append = false, changed = false;
};

namespace {

size_t usedBytes() {
  size_t used = 0;
  for (const auto& file : fake::flash.files) used += file.second.size();
  return used;
}

}  // namespace

namespace fs {

File FS::open(const char* path, const char* mode) {
  fake::Uncounted scope;
  fake::Flash& flash = fake::flash;
  if (path[0] != '/') return File();
  const bool plus = mode[1] == '+';
  const auto stored = flash.files.find(path);
  if (mode[0] == 'r' && stored == flash.files.end()) return File();
  if (flash.failRead) return File();
  auto file = std::make_shared<FakeFile>();
  file->path = path;
  file->readable = mode[0] == 'r' || plus;
  file->writable = mode[0] != 'r' || plus;
  file->append = mode[0] == 'a';
  if (mode[0] != 'w' && stored != flash.files.end()) {
    file->bytes = stored->second;
  }
  file->changed = mode[0] == 'w' || stored == flash.files.end();
  return File(file);
}

bool FS::exists(const char* path) {
  fake::Uncounted scope;
  return fake::flash.files.count(path) == 1;
}
bool FS::remove(const char* path) {
  fake::Uncounted scope;
  ++fake::flash.writes;
  return fake::flash.spend() && fake::flash.files.erase(path) == 1;
}
bool FS::rename(const char* from, const char* to) {
  fake::Uncounted scope;
  auto& files = fake::flash.files;
  if (files.count(from) == 0 || !fake::flash.spend()) return false;
  ++fake::flash.writes;
  files[to] = std::move(files[from]);
  files.erase(from);
  return true;
}

File::~File() {
  fake::Uncounted scope;
  if (file_.use_count() == 1) flush();
  file_.reset();
}

size_t File::write(const uint8_t* data, size_t bytes) {
  fake::Uncounted scope;
  if (!file_ || !file_->writable || fake::flash.failWrite) return 0;
  FakeFile& file = *file_;
  if (file.append) file.at = file.bytes.size();
  if (usedBytes() + bytes > fake::flash.fileBytes) return 0;
  if (file.at + bytes > file.bytes.size()) file.bytes.resize(file.at + bytes);
  std::copy(data, data + bytes, file.bytes.begin() + file.at);
  file.at += bytes;
  file.changed = file.changed || bytes > 0;
  return bytes;
}

void File::flush() {
  fake::Uncounted scope;
  if (!file_ || !file_->writable || !file_->changed) return;
  if (fake::flash.failWrite) return;
  ++fake::flash.writes;
  for (size_t i = 0; i < file_->bytes.size() + 1; ++i) {
    if (!fake::flash.spend()) return;
  }
  fake::flash.files[file_->path] = file_->bytes;
  file_->changed = false;
}
void File::close() {
  fake::Uncounted scope;
  flush();
  file_.reset();
}

size_t File::take(uint8_t* data, size_t bytes) {
  if (!file_ || !file_->readable || fake::flash.failRead) return 0;
  const size_t left = file_->bytes.size() - file_->at;
  if (bytes > left) bytes = left;
  if (bytes > 0) memcpy(data, file_->bytes.data() + file_->at, bytes);
  file_->at += bytes;
  return bytes;
}
#ifdef ESP8266
int File::read(uint8_t* data, size_t bytes) {
  return static_cast<int>(take(data, bytes));
}
bool File::truncate(uint32_t bytes) {
  fake::Uncounted scope;
  if (!file_ || !file_->writable) return false;
  file_->bytes.resize(bytes);
  if (file_->at > bytes) file_->at = bytes;
  file_->changed = true;
  return true;
}
#else
size_t File::read(uint8_t* data, size_t bytes) { return take(data, bytes); }
#endif
int File::read() {
  uint8_t byte;
  return take(&byte, 1) == 1 ? byte : -1;
}
int File::peek() {
  return file_ && file_->at < file_->bytes.size() ? file_->bytes[file_->at]
                                                  : -1;
}
int File::available() {
  return file_ ? static_cast<int>(file_->bytes.size() - file_->at) : 0;
}
bool File::seek(uint32_t position, SeekMode mode) {
  if (!file_) return false;
  size_t to = position;
  if (mode == SeekCur) to += file_->at;
  if (mode == SeekEnd) to = file_->bytes.size() - position;
  if (to > file_->bytes.size()) return false;
  file_->at = to;
  return true;
}
size_t File::position() const { return file_ ? file_->at : 0; }
size_t File::size() const { return file_ ? file_->bytes.size() : 0; }

}  // namespace fs

static bool format() {
  fake::flash.files.clear();
  return true;
}
#ifdef ESP8266
bool FakeLittleFs::format() { return ::format(); }
#else
bool fs::LittleFSFS::format() { return ::format(); }
#endif
