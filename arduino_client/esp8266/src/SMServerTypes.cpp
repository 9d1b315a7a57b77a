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
    SM_NAME(SMState, Pairing, "pairing");
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
    SM_NAME(SMError, BadFingerprint, "bad fingerprint");
    SM_NAME(SMError, BadCertificate, "bad certificate");
    SM_NAME(SMError, BadTopic, "bad topic");
    SM_NAME(SMError, BadPayload, "bad payload");
    SM_NAME(SMError, BadCode, "bad code");
    SM_NAME(SMError, TooLong, "too long");
    SM_NAME(SMError, QueueFull, "queue full");
    SM_NAME(SMError, Busy, "busy");
    SM_NAME(SMError, NotConnected, "not connected");
    SM_NAME(SMError, NotPaired, "not paired");
    SM_NAME(SMError, OutOfMemory, "out of memory");
    SM_NAME(SMError, StorageFailed, "storage failed");
    SM_NAME(SMError, WifiLost, "Wi-Fi lost");
    SM_NAME(SMError, NameNotFound, "name not found");
    SM_NAME(SMError, HttpUnreachable, "server unreachable");
    SM_NAME(SMError, TlsFailed, "TLS failed");
    SM_NAME(SMError, BadAnswer, "bad answer");
    SM_NAME(SMError, NoTlsBroker, "no TLS broker");
    SM_NAME(SMError, BadCredential, "bad credential");
    SM_NAME(SMError, Revoked, "revoked");
    SM_NAME(SMError, WrongRole, "wrong role");
    SM_NAME(SMError, Pending, "pending");
    SM_NAME(SMError, UnknownDevice, "unknown device");
    SM_NAME(SMError, RateLimited, "rate limited");
    SM_NAME(SMError, ServerFault, "server fault");
    SM_NAME(SMError, PairingRefused, "pairing refused");
    SM_NAME(SMError, Conflict, "conflict");
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

const __FlashStringHelper* advice(SMError error) {
  switch (error) {
    SM_NAME(SMError, None, "nothing to do");
    SM_NAME(SMError, NotBegun, "call begin() first");
    SM_NAME(SMError, BadHost,
            "write the host as name or name:port, with https:// for TLS");
    SM_NAME(SMError, BadUuid, "use a UUID as uuidgen prints it");
    SM_NAME(SMError, BadKey, "copy the device key from the server again");
    SM_NAME(SMError, NoTrust,
            "https:// needs an SMServerTls in options.tls, http:// none");
    SM_NAME(SMError, BadFingerprint,
            "write the fingerprint as hexadecimal digits, of SHA-1 on the "
            "ESP8266 and of SHA-256 on the ESP32");
    SM_NAME(SMError, BadCertificate,
            "paste the whole PEM, with its BEGIN and END lines");
    SM_NAME(SMError, BadTopic,
            "send to linkTopic(), or to one given to addLink()");
    SM_NAME(SMError, BadPayload,
            "send a JSON object: double quotes, UTF-8, nothing behind it");
    SM_NAME(SMError, BadCode, "a pairing code is six digits");
    SM_NAME(SMError, TooLong, "raise options.packetBytes");
    SM_NAME(SMError, QueueFull, "raise options.outboxBytes");
    SM_NAME(SMError, Busy, "wait for the answer to the pairing request");
    SM_NAME(SMError, NotConnected, "wait for the state online");
    SM_NAME(SMError, NotPaired, "pair the two devices on the server");
    SM_NAME(SMError, OutOfMemory,
            "free some heap: smaller buffers, fewer strings; it is tried "
            "again");
    SM_NAME(SMError, StorageFailed,
            "if it stays, the flash or its file system is worn or missing");
    SM_NAME(SMError, WifiLost, "check the access point; it is tried again");
    SM_NAME(SMError, NameNotFound,
            "check the host's name and the network's DNS");
    SM_NAME(SMError, HttpUnreachable,
            "check that the server runs, and host and port");
    SM_NAME(SMError, TlsFailed,
            "check the authority or fingerprint against the server's "
            "certificate");
    SM_NAME(SMError, BadAnswer,
            "something else answers: check host and port; 301 and 308 want "
            "https://");
    SM_NAME(SMError, NoTlsBroker,
            "set MQTT_TLS_HOST on the server, or options.plainMqtt here");
    SM_NAME(SMError, BadCredential,
            "the key is not this UUID's: copy it from the server again");
    SM_NAME(SMError, Revoked, "an operator must restore the device");
    SM_NAME(SMError, WrongRole,
            "the UUID is registered in the other role: use that role's key");
    SM_NAME(SMError, Pending, "an operator must approve the device");
    SM_NAME(SMError, UnknownDevice, "register the UUID on the server");
    SM_NAME(SMError, RateLimited, "it is tried again");
    SM_NAME(SMError, ServerFault, "look into the server's log");
    SM_NAME(SMError, PairingRefused,
            "check the agent's UUID, and ask it for a new code");
    SM_NAME(SMError, Conflict,
            "the agent is paired already, or the master has too many");
    SM_NAME(SMError, BrokerUnreachable,
            "check that the broker runs, and MQTT_HOST on the server");
    SM_NAME(SMError, BrokerRefused, "a new token is asked for");
    SM_NAME(SMError, BrokerClosed,
            "the broker is busy, or MQTT_HOST names something else");
    SM_NAME(SMError, ConnectionLost, "it is tried again");
    SM_NAME(SMError, BadPacket, "MQTT_HOST may name something else");
    SM_NAME(SMError, MessageTooLong, "raise options.packetBytes");
    SM_NAME(SMError, SubscribeRefused, "pair the two devices on the server");
  }
  return F("?");
}

#undef SM_NAME
