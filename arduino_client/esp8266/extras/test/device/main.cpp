// A device on a PC: the library over real sockets in real time, with a file for
// flash. Lines on stdin drive it, lines on stdout tell what happens.
//
//   device <host> <uuid> <key> <flash file> <millis at start> [file]
//
// With "file" the records that wait are kept in LittleFS.
#include <LittleFS.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "SMFileRing.h"
#include "SMServer.h"
#include "net_control.h"
#include "test_control.h"

namespace {

void say(const std::string& line) { std::cout << line << std::endl; }

std::string name(SMState state) {
  return reinterpret_cast<const char*>(toString(state));
}
std::string name(SMError error) {
  return reinterpret_cast<const char*>(toString(error));
}

void act(SMServer& device, const std::string& line) {
  std::istringstream in(line);
  std::string verb, first, rest;
  in >> verb >> first;
  std::getline(in >> std::ws, rest);
  if (verb == "data") {
    say("result " + name(device.publishData(line.substr(5).c_str())));
  } else if (verb == "send") {
    say("result " + name(device.send(first.c_str(), rest.c_str())));
  } else if (verb == "ping") {
    say("result " + name(device.ping()));
  } else if (verb == "link") {
    say("result " + name(device.addLink(first.c_str())));
  } else if (verb == "code") {
    say("result " + name(device.pairingCode()));
  } else if (verb == "pair") {
    say("result " + name(device.pair(first.c_str(), rest.c_str())));
  } else if (verb == "unpair") {
    say("result " + name(device.unpair(first.c_str())));
  } else if (verb == "agents") {
    say("result " +
        name(device.agents(first.empty() ? nullptr : first.c_str())));
  } else if (verb == "wifi") {
    fake::net.wifi = first == "on";
  } else if (verb == "advance") {
    fake::advance(static_cast<uint32_t>(strtoul(first.c_str(), nullptr, 10)));
  } else if (verb == "cut") {
    fake::flash.cutAfter = atol(first.c_str());
  } else if (verb == "renew") {
    device.renewToken();
  } else if (verb == "token") {
    device.storage().set("sm.t", first.c_str());
    device.storage().commit();
  } else if (verb == "counters") {
    const SMCounters& c = device.counters();
    say("counters http=" + std::to_string(c.httpRequests) + " tokens=" +
        std::to_string(c.tokens) + " connects=" + std::to_string(c.connects) +
        " refusals=" + std::to_string(c.refusals) + " echoes=" +
        std::to_string(c.echoes) + " pongs=" + std::to_string(c.pongs) +
        " acted=" + std::to_string(c.commands) +
        " records=" + std::to_string(c.records) +
        " acknowledged=" + std::to_string(c.acknowledgedTelemetry) +
        " dropped=" + std::to_string(c.droppedTelemetry) +
        " waiting=" + std::to_string(device.waiting()) +
        " millis=" + std::to_string(millis()));
  } else if (verb == "quit") {
    device.end();
    _Exit(0);
  }
}

void tell(const SMPairing& answer) {
  if (answer.error.code != SMError::None) {
    say("pairing " + name(answer.error.code));
    return;
  }
  std::string line = "pairing";
  switch (answer.request) {
    case SMPairing::Request::Code:
      line += std::string(" code ") + answer.code;
      break;
    case SMPairing::Request::Pair:
      line += std::string(" paired ") + answer.uuid;
      break;
    case SMPairing::Request::Unpair:
      line += std::string(" unpaired ") + answer.uuid;
      break;
    case SMPairing::Request::Agents:
      line += " agents";
      for (size_t i = 0; i < answer.count; ++i) {
        line += std::string(" ") + answer.uuids[i];
      }
      if (answer.more) line += " more";
      break;
  }
  say(line);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return 2;
  fake::setLayout(fake::Layout::SpareSector);
  fake::loadFlash(argv[4]);
  fake::useRealTime();
  fake::setMillis(static_cast<uint32_t>(strtoul(argv[5], nullptr, 10)));
  SMFileRing records(LittleFS, "/records");
  SMServerOptions options;
  options.firmware = "simulated 1.0";
  if (argc == 7) options.recordFile = &records;
  SMServer device(argv[1], argv[2], argv[3], options);
  device.onPairing(tell);
  device.onState([&device](SMState state, SMErrorInfo) {
    say("state " + name(state) + " " + std::to_string(device.retryInMs()));
  });
  device.onMessage([](const SMMessage& message) {
    say(std::string("message ") + message.topic + " " + message.payload);
  });
  device.onCommand([](const char* command, JsonVariantConst arguments) {
    say(std::string("command ") + command);
    if (std::string(command) == "LED") {
      return SMResult::ok((arguments["on"] | false) ? "{\"on\":true}"
                                                    : "{\"on\":false}");
    }
    return SMResult::error("no such command");
  });
  if (!device.begin()) {
    say("begin " + name(device.lastError().code));
    return 1;
  }
  SMErrorInfo error;
  uint32_t pongs = 0;
  size_t writes = 0;
  std::string input;
  for (;;) {
    pollfd wait = {STDIN_FILENO, POLLIN, 0};
    if (::poll(&wait, 1, 1) == 1) {
      char chunk[4096];
      const ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (got <= 0) return 0;
      input.append(chunk, static_cast<size_t>(got));
    }
    for (size_t end; (end = input.find('\n')) != std::string::npos;) {
      act(device, input.substr(0, end));
      input.erase(0, end + 1);
    }
    const uint32_t before = static_cast<uint32_t>(millis());
    device.loop();
    const uint32_t took = static_cast<uint32_t>(millis()) - before;
    if (took > SMSERVER_NETWORK_MS + 500) {
      say("slow " + std::to_string(took));
    }
    if (fake::flash.cut) {
      fake::saveFlash(argv[4]);
      say("power cut");
      _Exit(9);
    }
    if (fake::flash.writes + fake::flash.erases != writes) {
      writes = fake::flash.writes + fake::flash.erases;
      fake::saveFlash(argv[4]);
      say("flash saved");
    }
    if (device.lastError().code != error.code ||
        device.lastError().detail != error.detail) {
      error = device.lastError();
      say("error " + name(error.code) + " " + std::to_string(error.detail));
    }
    if (device.counters().pongs != pongs) {
      pongs = device.counters().pongs;
      say("pong " + std::to_string(pongs));
    }
  }
}
