#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/escape.h"
#include "sasl/mechanism.h"

// Each line of the input is a response. What comes out as credentials is bounded UTF-8.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const crypto::ScramVerifier verifier{.iterations = 4'096,
                                       .salt = "salt of 16 octets",
                                       .stored_key = std::string(32, 'x'),
                                       .server_key = std::string(32, 'y')};
  for (const std::string_view name : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    const auto server = sasl::make_server(name);
    sasl::Step step = server->start(std::nullopt);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view response = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(response.size() < rest.size() ? response.size() + 1 : rest.size());
      step = server->respond(response);
      if (const auto* needed = std::get_if<sasl::VerifierNeeded>(&step)) {
        PH_ASSERT(!needed->authentication_id.empty() && base::is_utf8(needed->authentication_id));
        step = server->give_verifier({.verifier = verifier, .exists = true, .nonce = "nonce"});
      }
      PH_ASSERT(!std::holds_alternative<sasl::Verified>(step));
      if (const auto* credentials = std::get_if<sasl::Credentials>(&step)) {
        const std::string& id = credentials->authentication_id;
        PH_ASSERT(!id.empty() && id.size() <= sasl::name_octets_max && base::is_utf8(id));
        PH_ASSERT(credentials->password.size() <= sasl::password_octets_max);
      }
    }
  }
  return 0;
}
