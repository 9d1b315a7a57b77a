#pragma once

#include "NetworkClient.h"

class NetworkManager {
 public:
  int hostByName(const char* name, IPAddress& out);
};
extern NetworkManager Network;
