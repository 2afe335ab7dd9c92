#include "sys/linux/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/address.h"
#include "base/assert.h"
#include "sys/linux/openssl.h"

// Nothing here depends on input from outside but the names; what fails is memory or OpenSSL.
namespace sys::real {
namespace {

struct FreeExtension : Release<X509_EXTENSION_free> {};

std::string pem_of(const auto& write) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  PH_ASSERT(bio != nullptr && write(bio.get()) == 1);
  char* data = nullptr;
  const long octets = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(octets)};
}

void add_extension(X509& certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeExtension> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  PH_ASSERT(extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1);
}

/// `DNS:mx.example.org,IP:192.0.2.1`
std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += base::IpAddress::parse(name) ? "IP:" : "DNS:";
    text += name;
  }
  return text;
}

void set_serial(X509& certificate) {
  std::uint64_t serial = 0;
  PH_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  // Positive, and not zero [RFC5280 4.1.2.2].
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(&certificate), (serial >> 1) | 1);
}

void set_name(X509& certificate, const std::string& name) {
  // A common name has at most 64 characters [RFC5280 A.1]; who matters is in the extension.
  const std::string common = name.substr(0, 64);
  X509_NAME* const subject = X509_get_subject_name(&certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common.data()),
                             static_cast<int>(common.size()), -1, 0);
  X509_set_issuer_name(&certificate, subject);
}

}  // namespace

std::pair<std::string, std::string> self_signed(const std::vector<std::string>& names,
                                                const Validity& validity) {
  PH_ASSERT(!names.empty());
  const KeyPointer key(EVP_EC_gen("P-256"));
  const CertificatePointer certificate(X509_new());
  PH_ASSERT(key != nullptr && certificate != nullptr);

  X509_set_version(certificate.get(), X509_VERSION_3);
  set_serial(*certificate);
  set_name(*certificate, names.front());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), validity.from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity.until.count());
  X509_set_pubkey(certificate.get(), key.get());
  add_extension(*certificate, NID_subject_alt_name, alternative_names(names));
  add_extension(*certificate, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE");
  PH_ASSERT(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

  return {pem_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); }),
          pem_of([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace sys::real
