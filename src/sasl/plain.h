#pragma once

#include <utility>

#include "sasl/mechanism.h"

namespace sasl {

/// The password in one message [RFC4616]. Only within TLS: that is for the protocol to see to.
class PlainServer final : public ServerMechanism {
 public:
  [[nodiscard]] Step start(std::optional<std::string_view> initial) override;
  [[nodiscard]] Step respond(std::string_view octets) override;

 private:
  bool waiting_ = false;  ///< For the one response.
};

class PlainClient final : public ClientMechanism {
 public:
  PlainClient(std::string user, crypto::Secret password)
      : user_(std::move(user)), password_(std::move(password)) {}

  [[nodiscard]] std::optional<crypto::Secret> start() override;
  [[nodiscard]] ClientStep respond(std::string_view challenge) override;
  [[nodiscard]] bool is_complete() const override { return said_; }

 private:
  [[nodiscard]] crypto::Secret message() const;

  std::string user_;
  crypto::Secret password_;
  bool said_ = false;
  bool said_again_ = false;
};

/// Takes a message apart. An authorization identity must be absent or the same as the
/// authentication identity: nobody here acts for somebody else.
///
///     message = [authzid] UTF8NUL authcid UTF8NUL passwd      [RFC4616 2]
///
/// Deviates: no SASLprep [RFC4013]; names and passwords are compared as octets (names: see
/// directory). What is not normalised can't match by accident.
[[nodiscard]] Step parse_plain(std::string_view message);

}  // namespace sasl
