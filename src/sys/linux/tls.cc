#include "sys/linux/tls.h"

#include <fmt/core.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <vector>

#include "base/address.h"
#include "sys/linux/tls_session.h"

namespace sys::real {
namespace {

using Failure = std::unexpected<std::string>;

Failure failure(std::string_view what) {
  return Failure(fmt::format("{}: {}", what, take_openssl_error()));
}

/// Certificates of `pem` in order; ends at the first block that is not one.
std::expected<std::vector<CertificatePointer>, std::string> read_certificates(
    const std::string& pem) {
  const BioPointer bio = bio_over(pem);
  std::vector<CertificatePointer> all;
  ERR_clear_error();
  while (CertificatePointer one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    all.push_back(std::move(one));
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) return failure(fmt::format("certificate {} is damaged", all.size() + 1));
  ERR_clear_error();
  if (all.empty()) return Failure("no certificate found (PEM is expected)");
  return all;
}

/// Instead of asking at the terminal. Notes that a password would be needed.
int refuse_password(char* /*into*/, int /*octets*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::expected<KeyPointer, std::string> read_key(const std::string& pem) {
  const BioPointer bio = bio_over(pem);
  bool encrypted = false;
  ERR_clear_error();
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &refuse_password, &encrypted));
  if (encrypted) return Failure("the key is protected by a password");
  if (key != nullptr) return key;
  if (pem.find("-----BEGIN") == pem.npos) return Failure("no key found (PEM is expected)");
  return failure("the key cannot be read");
}

class RealContext final : public TlsContext {
 public:
  explicit RealContext(SslContextPointer context) : context_(std::move(context)) {}

  [[nodiscard]] std::unique_ptr<TlsSession> server() override {
    SslPointer ssl(SSL_new(context_.get()));
    if (ssl != nullptr) SSL_set_accept_state(ssl.get());
    return std::make_unique<RealTlsSession>(std::move(ssl));
  }

  [[nodiscard]] std::unique_ptr<TlsSession> client(const std::string& name, bool verify) override {
    SslPointer ssl(SSL_new(context_.get()));
    if (ssl == nullptr || !prepare_client(*ssl, name, verify)) ssl.reset();
    return std::make_unique<RealTlsSession>(std::move(ssl));
  }

 private:
  [[nodiscard]] static bool prepare_client(SSL& ssl, std::string name, bool verify) {
    SSL_set_connect_state(&ssl);
    if (name.ends_with('.')) name.pop_back();  // No part of a certificate's name [RFC6066 3].
    const bool is_address = base::IpAddress::parse(name).has_value();
    if (!is_address && !name.empty() && SSL_set_tlsext_host_name(&ssl, name.c_str()) != 1) {
      // Too long for SNI, and for any certificate.
      if (verify) return false;
    }
    if (!verify) {
      SSL_set_verify(&ssl, SSL_VERIFY_NONE, nullptr);
      // Whoever would take no encryption takes weak encryption, too [RFC7435 3].
      SSL_set_security_level(&ssl, 1);
      return true;
    }
    SSL_set_verify(&ssl, SSL_VERIFY_PEER, nullptr);
    SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), name.c_str()) == 1;
    // An empty name would switch the check off.
    return !name.empty() && SSL_set1_host(&ssl, name.c_str()) == 1;
  }

  SslContextPointer context_;
};

SslContextPointer new_context() {
  SslContextPointer context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return context;
  SSL_CTX* const it = context.get();
  // [RFC8996]: versions below 1.2 are not to be used.
  SSL_CTX_set_min_proto_version(it, TLS1_2_VERSION);
  SSL_CTX_set_options(it, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                              SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(it, 0);
  SSL_CTX_set_session_cache_mode(it, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(it, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

class RealTls final : public Tls {
 public:
  using Result = std::expected<std::shared_ptr<TlsContext>, std::string>;

  [[nodiscard]] Result server_context(const std::string& chain_pem,
                                      const std::string& key_pem) override {
    SslContextPointer context = new_context();
    if (context == nullptr) return failure("OpenSSL");
    auto chain = read_certificates(chain_pem);
    if (!chain) return Failure(chain.error());
    auto key = read_key(key_pem);
    if (!key) return Failure(key.error());

    if (SSL_CTX_use_certificate(context.get(), chain->front().get()) != 1) {
      return failure("the certificate cannot be used");
    }
    for (std::size_t i = 1; i < chain->size(); ++i) {
      if (SSL_CTX_add1_chain_cert(context.get(), (*chain)[i].get()) != 1) {
        return failure(fmt::format("certificate {} of the chain cannot be used", i + 1));
      }
    }
    if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
      ERR_clear_error();
      return Failure("the key does not belong to the certificate");
    }
    if (SSL_CTX_use_PrivateKey(context.get(), key->get()) != 1) {
      return failure("the key cannot be used");
    }
    return std::make_shared<RealContext>(std::move(context));
  }

  [[nodiscard]] Result client_context(const std::string& trusted_pem) override {
    SslContextPointer context = new_context();
    if (context == nullptr) return failure("OpenSSL");
    if (trusted_pem.empty()) {
      if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
        return failure("the certificates of the system cannot be read");
      }
      return std::make_shared<RealContext>(std::move(context));
    }
    auto trusted = read_certificates(trusted_pem);
    if (!trusted) return Failure(trusted.error());
    X509_STORE* const store = SSL_CTX_get_cert_store(context.get());
    for (const CertificatePointer& one : *trusted) {
      if (X509_STORE_add_cert(store, one.get()) != 1) {
        return failure("a trusted certificate cannot be used");
      }
    }
    // Whoever names a certificate trusts it, even if it is not the root of its chain.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return std::make_shared<RealContext>(std::move(context));
  }
};

}  // namespace

std::unique_ptr<Tls> make_tls() { return std::make_unique<RealTls>(); }

}  // namespace sys::real
