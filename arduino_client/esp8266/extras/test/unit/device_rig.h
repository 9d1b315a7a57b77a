// A whole SMServer against a TestServer, on a chip of its own.
#pragma once

#include <memory>
#include <string>

#include "SMServer.h"
#include "check.h"
#include "net_control.h"
#include "test_control.h"
#include "test_server.h"

constexpr char kDeviceUuid[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

struct DeviceRig {
  fake::Uncounted scope;
  TestServer server;
  std::string host;
  std::string key = "device-key";
  SMServerOptions options;
  std::unique_ptr<SMServer> device;

  explicit DeviceRig(bool fresh = true) {
    if (fresh) {
      fake::flash = fake::Flash();
      fake::setLayout(fake::Layout::SpareSector);
    }
    fake::resetNet();
    fake::heap = fake::Heap();
    fake::setMillis(1000);
    host = "127.0.0.1:" + std::to_string(server.httpPort());
  }

  void make(const char* scheme = "") {
    if (device == nullptr) host = scheme + host;
    device = std::make_unique<SMServer>(host.c_str(), kDeviceUuid, key.c_str(),
                                        options);
  }
  bool begin() {
    if (!device) make();
    fake::Counted library;
    return device->begin();
  }
  void loop(uint32_t ms = 1) {
    fake::advance(ms);
    server.pump();
    fake::Counted library;
    device->loop();
  }
  void loops(int count) {
    for (int i = 0; i < count; ++i) loop();
  }
  bool until(const std::function<bool()>& done, int count = 3000,
             uint32_t stepMs = 1) {
    for (int i = 0; i < count; ++i) {
      if (done()) return true;
      loop(stepMs);
    }
    return done();
  }
  bool online() {
    return until([&] { return device->isConnected(); }, 100000) &&
           until([&] { return device->counters().pongs > 0; }, 100);
  }
  static std::string topic(const std::string& leaf) {
    return std::string("device/") + kDeviceUuid + "/" + leaf;
  }
  // Payloads published on a topic.
  std::vector<std::string> sent(const std::string& leaf) const {
    std::vector<std::string> out;
    for (const auto& p : server.published) {
      if (p.topic == topic(leaf)) out.push_back(p.payload);
    }
    return out;
  }
  // What the first record had in front: "b":…,"n":…, with the comma.
  std::string firstNumbers() const {
    const std::string text = sent("data").at(0);
    return text.substr(1, text.find_first_of(",}", text.find("\"n\":")) - 1) +
           ",";
  }
  // The records published, without the numbers in front.
  std::vector<std::string> records() const {
    std::vector<std::string> out;
    for (std::string text : sent("data")) {
      if (text.rfind("{\"b\":", 0) == 0) {
        const size_t end = text.find_first_of(",}", text.find("\"n\":"));
        text = "{" + text.substr(text[end] == ',' ? end + 1 : end);
      }
      out.push_back(text);
    }
    return out;
  }
};
