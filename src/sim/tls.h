#pragma once

#include "sim/rng.h"
#include "sys/tls.h"

namespace sim {

/// A stand-in for TLS: a handshake in which the server shows a certificate, then records whose
/// octets are scrambled, so that text that should be secret and is not shows at once.
///
/// A chain is the text `sim-certificate: a.test,b.test` (names or addresses), with
/// `; issuer=NAME` (else `public`) and `; expired` behind it as wanted; its key begins with
/// `sim-key`. What a client trusts: `sim-trusted: NAME,NAME`, or "" for `public`.
class SimTls final : public sys::Tls {
 public:
  explicit SimTls(Rng rng) : rng_(rng) {}

  [[nodiscard]] std::expected<std::shared_ptr<sys::TlsContext>, std::string> server_context(
      const std::string& chain_pem, const std::string& key_pem) override;
  [[nodiscard]] std::expected<std::shared_ptr<sys::TlsContext>, std::string> client_context(
      const std::string& trusted_pem) override;

  /// So many of a thousand sessions made from now on break in their handshake.
  void fail_handshakes(unsigned per_mille) { failures_ = per_mille; }
  [[nodiscard]] bool next_one_fails() { return rng_.chance(failures_); }

 private:
  Rng rng_;
  unsigned failures_ = 0;
};

[[nodiscard]] std::string sim_certificate(std::string_view names);
[[nodiscard]] std::string sim_key();

}  // namespace sim
