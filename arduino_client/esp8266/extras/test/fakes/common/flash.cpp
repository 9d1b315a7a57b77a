#include <fstream>

#include "test_control.h"

namespace fake {

Flash flash;

std::vector<uint8_t>& Flash::sector(uint32_t index) {
  auto& bytes = sectors[index];
  if (bytes.empty()) bytes.assign(kSectorBytes, 0xFF);
  return bytes;
}

void Flash::powerUp() {
  cut = false;
  cutAfter = -1;
}

bool Flash::spend() {
  if (cut) return false;
  if (cutAfter == 0) {
    cut = true;
    return false;
  }
  if (cutAfter > 0) --cutAfter;
  return true;
}

namespace {

// One record: kind, length and text of the name, length and bytes of the value.
void put(std::ostream& out, char kind, const std::string& name,
         const std::vector<uint8_t>& bytes) {
  const uint32_t sizes[2] = {static_cast<uint32_t>(name.size()),
                             static_cast<uint32_t>(bytes.size())};
  out.put(kind);
  out.write(reinterpret_cast<const char*>(sizes), sizeof sizes);
  out.write(name.data(), static_cast<std::streamsize>(name.size()));
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

void saveFlash(const char* path) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  for (const auto& [index, bytes] : flash.sectors) {
    put(out, 's', std::to_string(index), bytes);
  }
  for (const auto& [name, bytes] : flash.nvs) put(out, 'n', name, bytes);
  for (const auto& [name, bytes] : flash.files) put(out, 'f', name, bytes);
}

void loadFlash(const char* path) {
  std::ifstream in(path, std::ios::binary);
  char kind;
  uint32_t sizes[2];
  while (in.get(kind) &&
         in.read(reinterpret_cast<char*>(sizes), sizeof sizes)) {
    std::string name(sizes[0], '\0');
    std::vector<uint8_t> bytes(sizes[1]);
    in.read(name.data(), static_cast<std::streamsize>(name.size()));
    in.read(reinterpret_cast<char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
    if (kind == 's') flash.sectors[std::stoul(name)] = std::move(bytes);
    if (kind == 'n') flash.nvs[name] = std::move(bytes);
    if (kind == 'f') flash.files[name] = std::move(bytes);
  }
}

}  // namespace fake
