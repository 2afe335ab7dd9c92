#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

// Ownership and errors of OpenSSL. Included by the sources of sys/linux alone.
namespace sys::real {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using BioPointer = std::unique_ptr<BIO, Release<BIO_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, Release<X509_free>>;
using SslPointer = std::unique_ptr<SSL, Release<SSL_free>>;
using SslContextPointer = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;

/// Reads from `text`, which must outlive it.
[[nodiscard]] inline BioPointer bio_over(std::string_view text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// The latest error of this thread, for people; forgets all of them.
[[nodiscard]] inline std::string take_openssl_error() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason != nullptr ? reason : "unknown error";
  ERR_clear_error();
  return text;
}

}  // namespace sys::real
