#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "sasl/mechanism.h"

// Every client mechanism against a server that says anything, one challenge a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool token : {false, true}) {
    const sasl::ClientCredentials credentials{
        .user = "u", .secret = crypto::Secret("secret"), .is_token = token, .mechanism = {}};
    for (const std::string_view name : sasl::client_mechanisms(token)) {
      const auto client = sasl::make_client(name, credentials, "nonce");
      (void)client->start();
      std::size_t said = 0;
      for (std::string_view rest = text; !rest.empty();) {
        const std::string_view challenge = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(challenge.size() < rest.size() ? challenge.size() + 1 : rest.size());
        sasl::ClientStep step = client->respond(challenge);
        if (const auto* needed = std::get_if<sasl::KeyNeeded>(&step)) {
          PH_ASSERT(needed->iterations <= sasl::client_iterations_max && !needed->salt.empty());
          step = client->give_key(crypto::Secret("key"));
        }
        if (std::holds_alternative<crypto::Secret>(step)) PH_ASSERT(++said <= 2);
      }
      // Nobody can prove that it knows a key which is none.
      PH_ASSERT(name != "SCRAM-SHA-256" || !client->is_complete());
    }
  }
  return 0;
}
