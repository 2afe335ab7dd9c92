#include "sys/linux/tls_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/assert.h"

namespace sys::real {

namespace {

/// The plaintext of one record [RFC8446 5.1].
constexpr std::size_t record_octets_max = 16'384;

/// SSL_write_ex() takes any length; this keeps its own arithmetic far from its limits.
constexpr std::size_t send_octets_max = 1'024 * 1'024;

struct FreeMethod : Release<BIO_meth_free> {};

}  // namespace

RealTlsSession::RealTlsSession(SslPointer ssl) : ssl_(std::move(ssl)) {
  BIO* const bio = BIO_new(method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    status_ = Status::failed;
    failure_ = "out of memory";
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

/// Made once and never changed: how OpenSSL reaches a session's octets.
const BIO_METHOD* RealTlsSession::method() {
  static const std::unique_ptr<BIO_METHOD, FreeMethod> method = [] {
    std::unique_ptr<BIO_METHOD, FreeMethod> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session"));
    PH_ASSERT(made != nullptr);
    BIO_meth_set_read(made.get(), &bio_read);
    BIO_meth_set_write(made.get(), &bio_write);
    BIO_meth_set_ctrl(made.get(), &bio_control);
    return made;
  }();
  return method.get();
}

int RealTlsSession::bio_read(BIO* bio, char* into, int octets) {
  auto& self = *static_cast<RealTlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t count = self.input_.copy(into, static_cast<std::size_t>(octets));
  self.input_.remove_prefix(count);
  return static_cast<int>(count);
}

int RealTlsSession::bio_write(BIO* bio, const char* from, int octets) {
  auto& self = *static_cast<RealTlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  try {
    self.output_.append(from, static_cast<std::size_t>(octets));
  } catch (const std::bad_alloc&) {
    return -1;  // No exception may cross OpenSSL: the session fails.
  }
  return octets;
}

long RealTlsSession::bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void RealTlsSession::receive(std::string_view wire, std::string& plain) {
  input_ = wire;
  ERR_clear_error();  // What others left would be taken for ours.
  if (status_ == Status::handshaking) shake_hands();
  if (status_ == Status::open) decrypt(plain);
  input_ = {};
}

void RealTlsSession::shake_hands() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    status_ = Status::open;
  } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    fail();
  }
}

void RealTlsSession::decrypt(std::string& plain) {
  for (;;) {
    std::array<char, record_octets_max> record;
    std::size_t octets = 0;
    const int result = SSL_read_ex(ssl_.get(), record.data(), record.size(), &octets);
    if (result == 1) {
      plain.append(record.data(), octets);
      continue;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ: return;
      case SSL_ERROR_ZERO_RETURN: status_ = Status::closed; return;
      default: return fail();
    }
  }
}

void RealTlsSession::fail() {
  status_ = Status::failed;
  const long verdict = SSL_get_verify_result(ssl_.get());
  const bool verifies = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
  failure_ = take_openssl_error();
  if (verifies && verdict != X509_V_OK) {
    failure_ = fmt::format("certificate verify failed: {}", X509_verify_cert_error_string(verdict));
  }
}

void RealTlsSession::send(std::string_view plain) {
  PH_ASSERT(status_ != Status::handshaking);
  ERR_clear_error();
  while (status_ == Status::open && !plain.empty()) {
    std::size_t sent = 0;
    const std::size_t octets = std::min(plain.size(), send_octets_max);
    if (SSL_write_ex(ssl_.get(), plain.data(), octets, &sent) != 1) return fail();
    plain.remove_prefix(sent);
  }
}

void RealTlsSession::close() {
  if (status_ != Status::open && status_ != Status::closed) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());  // 0: ours is out, the peer's is not here. We do not wait for it.
  ERR_clear_error();
}

std::string RealTlsSession::description() const {
  if (ssl_ == nullptr) return {};
  return fmt::format("{} {}", SSL_get_version(ssl_.get()), SSL_get_cipher_name(ssl_.get()));
}

}  // namespace sys::real
