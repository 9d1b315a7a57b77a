// Limits of the library. Each can be overridden by a compiler flag (-D) that
// reaches the library's files as well as the sketch's; the README says how. A
// #define in the sketch does not: objects would then differ in size on both
// sides. Sizes are bytes, times are milliseconds or seconds as the name says.
#pragma once

// Version of the library; the same as in library.properties.
#define SMSERVER_VERSION "0.2.0"

// 0 nothing, 1 errors, 2 state changes, 3 traffic (never credentials).
#ifndef SMSERVER_LOG_LEVEL
#define SMSERVER_LOG_LEVEL 0
#endif
#ifndef SMSERVER_LOG_PORT
#define SMSERVER_LOG_PORT Serial
#endif

// Longest host name, in the constructor and in the server's answers.
#ifndef SMSERVER_HOST_BYTES
#define SMSERVER_HOST_BYTES 96
#endif
// Longest token that is taken; the protocol keeps tokens under 400.
#ifndef SMSERVER_TOKEN_BYTES
#define SMSERVER_TOKEN_BYTES 512
#endif
#ifndef SMSERVER_USER_BYTES
#define SMSERVER_USER_BYTES 64
#endif
// Longest device key or role secret.
#ifndef SMSERVER_KEY_BYTES
#define SMSERVER_KEY_BYTES 128
#endif
// Largest HTTP answer that is read; a longer one is an error.
#ifndef SMSERVER_ANSWER_BYTES
#define SMSERVER_ANSWER_BYTES 1024
#endif

// Largest MQTT packet in either direction. CONNECT with a 400 byte token takes
// about 500.
#ifndef SMSERVER_PACKET_BYTES
#if defined(ESP32)
#define SMSERVER_PACKET_BYTES 2048
#else
#define SMSERVER_PACKET_BYTES 1024
#endif
#endif
// Ring of records that the server has not acknowledged.
#ifndef SMSERVER_OUTBOX_BYTES
#if defined(ESP32)
#define SMSERVER_OUTBOX_BYTES 16384
#else
#define SMSERVER_OUTBOX_BYTES 2048
#endif
#endif
// Queue behind message(), used while no onMessage callback is set.
#ifndef SMSERVER_INBOX_BYTES
#if defined(ESP32)
#define SMSERVER_INBOX_BYTES 4096
#else
#define SMSERVER_INBOX_BYTES 768
#endif
#endif
// Size of the key-value store of the library (see KV::begin).
#ifndef SMSERVER_STORE_BYTES
#define SMSERVER_STORE_BYTES 3072
#endif
// Other devices whose link topics are subscribed to.
#ifndef SMSERVER_MAX_LINKS
#if defined(ESP32)
#define SMSERVER_MAX_LINKS 32
#else
#define SMSERVER_MAX_LINKS 8
#endif
#endif

// Longest command id, and longest result of a command as JSON text.
#ifndef SMSERVER_COMMAND_ID_BYTES
#define SMSERVER_COMMAND_ID_BYTES 40
#endif
#ifndef SMSERVER_RESULT_BYTES
#define SMSERVER_RESULT_BYTES 256
#endif
// Commands whose first result is remembered, across a reboot too.
#ifndef SMSERVER_COMMAND_MEMORY
#define SMSERVER_COMMAND_MEMORY 4
#endif

#ifndef SMSERVER_BACKOFF_FIRST_MS
#define SMSERVER_BACKOFF_FIRST_MS 1000
#endif
#ifndef SMSERVER_BACKOFF_MAX_MS
#define SMSERVER_BACKOFF_MAX_MS 300000
#endif
// A connection that lasted this long counts as good: backoff starts over.
#ifndef SMSERVER_STABLE_MS
#define SMSERVER_STABLE_MS 60000
#endif
// Wait after a refusal that only a person can lift (wrong role, bad key).
#ifndef SMSERVER_REFUSED_WAIT_S
#define SMSERVER_REFUSED_WAIT_S 3600
#endif
// The same of a revoked device, which may be restored: the first wait. It
// doubles up to SMSERVER_REFUSED_WAIT_S.
#ifndef SMSERVER_REVOKED_WAIT_S
#define SMSERVER_REVOKED_WAIT_S 300
#endif
// Wait after a "not yet" that came without Retry-After.
#ifndef SMSERVER_PENDING_WAIT_S
#define SMSERVER_PENDING_WAIT_S 60
#endif
// Time limit of one network call; 5000 is also the core's own default.
#ifndef SMSERVER_NETWORK_MS
#define SMSERVER_NETWORK_MS 5000
#endif
// The same of opening a TLS connection, handshake included. A chain of long
// keys takes an ESP8266 at 80 MHz more than 5 s; the core's own limit is 15 s.
#ifndef SMSERVER_TLS_MS
#define SMSERVER_TLS_MS 15000
#endif
#ifndef SMSERVER_KEEPALIVE_S
#define SMSERVER_KEEPALIVE_S 30
#endif
// How often a refused, and how often a granted subscription is asked for again.
// Pairing changes without a reconnect, and the broker ends subscriptions
// silently.
#ifndef SMSERVER_LINK_RETRY_MS
#define SMSERVER_LINK_RETRY_MS 60000
#endif
#ifndef SMSERVER_LINK_REFRESH_MS
#define SMSERVER_LINK_REFRESH_MS 600000
#endif
// The same for the device's own topics: a broker that has just restarted may
// not have its rules yet.
#ifndef SMSERVER_OWN_RETRY_MS
#define SMSERVER_OWN_RETRY_MS 5000
#endif
// How long a record may stay unacknowledged while connected before it is sent
// again; doubles to SMSERVER_RESEND_MAX_MS while the server is silent.
#ifndef SMSERVER_RESEND_MS
#define SMSERVER_RESEND_MS 30000
#endif
#ifndef SMSERVER_RESEND_MAX_MS
#define SMSERVER_RESEND_MAX_MS 900000
#endif
// Records that are sent before the first of them is acknowledged.
#ifndef SMSERVER_MAX_UNACKNOWLEDGED
#define SMSERVER_MAX_UNACKNOWLEDGED 64
#endif
// How old a record is that goes out with the time it was made rather than being
// dated by its arrival.
#ifndef SMSERVER_STAMP_AFTER_MS
#define SMSERVER_STAMP_AFTER_MS 1000
#endif
// With a file for records (SMFileRing): how long one may stay in RAM alone.
#ifndef SMSERVER_SAVE_AFTER_MS
#define SMSERVER_SAVE_AFTER_MS 60000
#endif
// ESP8266: the four-byte block of RTC user memory, of 128, from which on 16
// bytes keep the record numbers over deep sleep.
#ifndef SMSERVER_RTC_BLOCK
#define SMSERVER_RTC_BLOCK 124
#endif
// How long a message sent may take to come back as an echo.
#ifndef SMSERVER_ECHO_MS
#define SMSERVER_ECHO_MS 15000
#endif
// Unanswered tries at the stored broker address before it is asked for again.
#ifndef SMSERVER_ADDRESS_TRIES
#define SMSERVER_ADDRESS_TRIES 3
#endif

// Largest free block of heap needed to start a network call: the core's own
// `new` aborts the program when memory is out. For TLS on the ESP8266, what is
// free in all is looked at as well (internal/tls_esp8266.cpp).
#ifndef SMSERVER_PLAIN_HEAP_BYTES
#define SMSERVER_PLAIN_HEAP_BYTES 3072
#endif
#ifndef SMSERVER_TLS_HEAP_BYTES
#if defined(ESP32)
#define SMSERVER_TLS_HEAP_BYTES 20480
#else
#define SMSERVER_TLS_HEAP_BYTES 7168
#endif
#endif
