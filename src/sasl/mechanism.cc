#include "sasl/mechanism.h"

#include "base/ascii.h"
#include "sasl/login.h"
#include "sasl/plain.h"
#include "sasl/scram.h"

namespace sasl {

std::unique_ptr<ServerMechanism> make_server(std::string_view name) {
  if (base::equal_nocase(name, "PLAIN")) return std::make_unique<PlainServer>();
  if (base::equal_nocase(name, "LOGIN")) return std::make_unique<LoginServer>();
  if (base::equal_nocase(name, "SCRAM-SHA-256")) return std::make_unique<ScramServer>();
  return nullptr;
}

std::unique_ptr<ClientMechanism> make_client(std::string_view name, std::string_view user,
                                             const crypto::Secret& password) {
  if (base::equal_nocase(name, "PLAIN")) {
    return std::make_unique<PlainClient>(std::string(user), password.clone());
  }
  if (base::equal_nocase(name, "LOGIN")) {
    return std::make_unique<LoginClient>(std::string(user), password.clone());
  }
  return nullptr;
}

}  // namespace sasl
