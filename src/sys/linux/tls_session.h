#pragma once

#include <utility>

#include "sys/linux/openssl.h"
#include "sys/tls.h"

namespace sys::real {

/// One end of a connection over octets in memory. OpenSSL reads straight from the input of
/// receive() and writes straight into the output, so that an idle session holds no buffer.
class RealTlsSession final : public TlsSession {
 public:
  /// `ssl` is set up but for its role's octets. Null (no memory): failed from the start.
  explicit RealTlsSession(SslPointer ssl);
  RealTlsSession(const RealTlsSession&) = delete;
  RealTlsSession& operator=(const RealTlsSession&) = delete;

  [[nodiscard]] Status status() const override { return status_; }
  void receive(std::string_view wire, std::string& plain) override;
  void send(std::string_view plain) override;
  void close() override;
  [[nodiscard]] std::string take_output() override { return std::exchange(output_, {}); }
  [[nodiscard]] std::string description() const override;
  [[nodiscard]] std::string failure() const override { return failure_; }

 private:
  static const BIO_METHOD* method();
  static int bio_read(BIO* bio, char* into, int octets);
  static int bio_write(BIO* bio, const char* from, int octets);
  static long bio_control(BIO* bio, int command, long number, void* pointer);

  void shake_hands();
  void decrypt(std::string& plain);
  void fail();

  SslPointer ssl_;
  Status status_ = Status::handshaking;
  std::string_view input_;  ///< Of receive(), while it runs.
  std::string output_;
  std::string failure_;
};

}  // namespace sys::real
