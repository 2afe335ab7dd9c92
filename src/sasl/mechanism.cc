#include "sasl/mechanism.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "sasl/bearer.h"
#include "sasl/login.h"
#include "sasl/plain.h"
#include "sasl/scram.h"
#include "sasl/scram_client.h"

namespace sasl {

std::unique_ptr<ServerMechanism> make_server(std::string_view name) {
  if (base::equal_nocase(name, "PLAIN")) return std::make_unique<PlainServer>();
  if (base::equal_nocase(name, "LOGIN")) return std::make_unique<LoginServer>();
  if (base::equal_nocase(name, "SCRAM-SHA-256")) return std::make_unique<ScramServer>();
  return nullptr;
}

std::span<const std::string_view> client_mechanisms(bool with_token) {
  static constexpr std::string_view of_password[] = {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
  static constexpr std::string_view of_token[] = {"OAUTHBEARER", "XOAUTH2"};
  return with_token ? std::span<const std::string_view>(of_token) : of_password;
}

std::string_view choose_mechanism(std::span<const std::string> offered,
                                  const ClientCredentials& credentials) {
  for (const std::string_view name : client_mechanisms(credentials.is_token)) {
    if (!credentials.mechanism.empty() && credentials.mechanism != name) continue;
    if (std::ranges::find(offered, name) != offered.end()) return name;
  }
  return {};
}

std::unique_ptr<ClientMechanism> make_client(std::string_view name,
                                             const ClientCredentials& credentials,
                                             std::string_view nonce) {
  const std::string& user = credentials.user;
  crypto::Secret secret = credentials.secret.clone();
  if (name == "SCRAM-SHA-256") return std::make_unique<ScramClient>(user, std::string(nonce));
  if (name == "PLAIN") return std::make_unique<PlainClient>(user, std::move(secret));
  if (name == "LOGIN") return std::make_unique<LoginClient>(user, std::move(secret));
  if (name == "OAUTHBEARER") return std::make_unique<OauthBearerClient>(user, std::move(secret));
  if (name == "XOAUTH2") return std::make_unique<Xoauth2Client>(user, std::move(secret));
  return nullptr;
}

}  // namespace sasl
