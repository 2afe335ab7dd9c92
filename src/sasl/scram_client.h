#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sasl/mechanism.h"

namespace sasl {

/// The client's end of SCRAM-SHA-256 [RFC5802, RFC7677], without channel binding: the password
/// never leaves us, and the server proves that it knows its verifier.
///
/// What a server may make us do is bounded: client_iterations_max, salt_octets_max,
/// nonce_octets_max. Fewer iterations than the standard asks for are refused, so that a false
/// server gets no proof that is quick to search.
class ScramClient final : public ClientMechanism {
 public:
  ScramClient(std::string user, std::string nonce)
      : user_(std::move(user)), nonce_(std::move(nonce)) {}

  [[nodiscard]] std::optional<crypto::Secret> start() override;
  [[nodiscard]] ClientStep respond(std::string_view challenge) override;
  /// `salted_password`: of KeyNeeded.
  [[nodiscard]] ClientStep give_key(const crypto::Secret& salted_password) override;
  [[nodiscard]] bool is_complete() const override { return state_ == State::complete; }

  static constexpr std::size_t salt_octets_max = 256;

 private:
  enum class State : std::uint8_t {
    first_awaited,
    key_awaited,
    final_awaited,
    complete,
    ended,
  };

  [[nodiscard]] ClientStep take_first(std::string_view message);
  [[nodiscard]] ClientStep take_final(std::string_view message);
  [[nodiscard]] ClientStep give_up(std::string why);

  State state_ = State::first_awaited;
  std::string user_;
  std::string nonce_;  ///< Ours, then that of both.
  std::string first_bare_;
  std::string server_first_;
  std::string server_signature_;  ///< That we expect.
};

}  // namespace sasl
