#include "SMServerTypes.h"

#define SM_NAME(type, name, text) \
  case type::name:                \
    return F(text)

const __FlashStringHelper* toString(SMState state) {
  switch (state) {
    SM_NAME(SMState, Stopped, "stopped");
    SM_NAME(SMState, WaitingForWifi, "waiting for Wi-Fi");
    SM_NAME(SMState, SettingClock, "setting clock");
    SM_NAME(SMState, RequestingToken, "requesting token");
    SM_NAME(SMState, RequestingAddress, "requesting address");
    SM_NAME(SMState, Connecting, "connecting");
    SM_NAME(SMState, Online, "online");
    SM_NAME(SMState, Waiting, "waiting");
  }
  return F("?");
}

const __FlashStringHelper* toString(SMError error) {
  switch (error) {
    SM_NAME(SMError, None, "none");
    SM_NAME(SMError, NotBegun, "not begun");
    SM_NAME(SMError, BadHost, "bad host");
    SM_NAME(SMError, BadUuid, "bad uuid");
    SM_NAME(SMError, BadKey, "bad key");
    SM_NAME(SMError, NoTrust, "no trust");
    SM_NAME(SMError, BadTopic, "bad topic");
    SM_NAME(SMError, BadPayload, "bad payload");
    SM_NAME(SMError, TooLong, "too long");
    SM_NAME(SMError, QueueFull, "queue full");
    SM_NAME(SMError, NotConnected, "not connected");
    SM_NAME(SMError, OutOfMemory, "out of memory");
    SM_NAME(SMError, StorageFailed, "storage failed");
    SM_NAME(SMError, WifiLost, "Wi-Fi lost");
    SM_NAME(SMError, NameNotFound, "name not found");
    SM_NAME(SMError, HttpUnreachable, "server unreachable");
    SM_NAME(SMError, TlsFailed, "TLS failed");
    SM_NAME(SMError, BadAnswer, "bad answer");
    SM_NAME(SMError, BadCredential, "bad credential");
    SM_NAME(SMError, Revoked, "revoked");
    SM_NAME(SMError, WrongRole, "wrong role");
    SM_NAME(SMError, Pending, "pending");
    SM_NAME(SMError, UnknownDevice, "unknown device");
    SM_NAME(SMError, RateLimited, "rate limited");
    SM_NAME(SMError, ServerFault, "server fault");
    SM_NAME(SMError, BrokerUnreachable, "broker unreachable");
    SM_NAME(SMError, BrokerRefused, "broker refused");
    SM_NAME(SMError, BrokerClosed, "broker closed");
    SM_NAME(SMError, ConnectionLost, "connection lost");
    SM_NAME(SMError, BadPacket, "bad packet");
    SM_NAME(SMError, MessageTooLong, "message too long");
    SM_NAME(SMError, SubscribeRefused, "subscribe refused");
  }
  return F("?");
}

#undef SM_NAME
