#include "sim/tls.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "sim/tls_record.h"

namespace sim {

namespace {

constexpr char scramble = 0x5a;
constexpr std::size_t record_header_octets = 3;

std::string scrambled(std::string_view octets) {
  std::string out(octets);
  for (char& c : out) c = static_cast<char>(c ^ scramble);
  return out;
}

struct Certificate {
  std::string text;
  std::vector<std::string> names;
  std::string issuer = "public";
  bool expired = false;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = text.find(separator);
    std::string_view part = text.substr(0, end);
    while (part.ends_with('\n') || part.ends_with('\r')) part.remove_suffix(1);
    out.push_back(base::lower(base::trimmed(part)));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<Certificate> parse_certificate(std::string_view text) {
  constexpr std::string_view label = "sim-certificate:";
  if (!text.starts_with(label)) return std::nullopt;
  Certificate out;
  out.text = text;
  const std::vector<std::string> parts = split(text.substr(label.size()), ';');
  out.names = split(parts.front(), ',');
  for (const std::string& part : parts) {
    if (part == "expired") out.expired = true;
    if (part.starts_with("issuer=")) out.issuer = part.substr(7);
  }
  return out;
}

class Session : public sys::TlsSession {
 public:
  explicit Session(bool breaks) : breaks_(breaks) {}

  [[nodiscard]] Status status() const override { return status_; }
  void receive(std::string_view wire, std::string& plain) override;
  void send(std::string_view plain) override;
  void close() override { put(RecordType::close_notify, {}); }
  [[nodiscard]] std::string take_output() override { return std::exchange(output_, {}); }
  [[nodiscard]] std::string description() const override { return "SIMv1.0 SIM_XOR_5A"; }
  [[nodiscard]] std::string failure() const override { return failure_; }

 protected:
  virtual void handle_handshake(const Record& record) = 0;
  virtual void begin() {}
  void put(RecordType type, std::string_view payload) { output_ += encode_record(type, payload); }
  void open() { status_ = Status::open; }
  /// `alert`: what the peer is told; nothing when empty.
  void fail(std::string why, std::string_view alert) {
    status_ = Status::failed;
    failure_ = std::move(why);
    if (!alert.empty()) put(RecordType::alert, alert);
  }
  [[nodiscard]] bool breaks() const { return breaks_; }

 private:
  void handle(const Record& record, std::string& plain);

  bool breaks_;
  Status status_ = Status::handshaking;
  RecordReader reader_;
  std::string output_;
  std::string failure_;
};

void Session::receive(std::string_view wire, std::string& plain) {
  begin();
  reader_.add(wire);
  while (status_ == Status::handshaking || status_ == Status::open) {
    const std::optional<Record> record = reader_.next();
    if (reader_.is_broken()) fail("wrong version number", "protocol version");
    if (!record) return;
    handle(*record, plain);
  }
}

void Session::handle(const Record& record, std::string& plain) {
  switch (record.type) {
    case RecordType::alert: fail("alert: " + record.payload, {}); return;
    case RecordType::close_notify: status_ = Status::closed; return;
    case RecordType::data:
      if (status_ != Status::open)
        fail("unexpected message", "unexpected message");
      else
        plain += record.payload;
      return;
    case RecordType::client_hello:
    case RecordType::server_hello:
    case RecordType::finished:
      if (status_ != Status::handshaking)
        fail("unexpected message", "unexpected message");
      else
        handle_handshake(record);
      return;
  }
}

void Session::send(std::string_view plain) {
  while (!plain.empty()) {
    const std::string_view part = plain.substr(0, record_octets_max);
    put(RecordType::data, part);
    plain.remove_prefix(part.size());
  }
}

class ServerSession final : public Session {
 public:
  ServerSession(bool breaks, std::string certificate)
      : Session(breaks), certificate_(std::move(certificate)) {}

 private:
  void handle_handshake(const Record& record) override {
    const RecordType expected = said_hello_ ? RecordType::finished : RecordType::client_hello;
    if (record.type != expected) {
      fail("unexpected message", "unexpected message");
    } else if (breaks()) {
      fail("no shared cipher", "handshake failure");
    } else if (said_hello_) {
      open();
    } else {
      said_hello_ = true;
      put(RecordType::server_hello, certificate_);
    }
  }

  std::string certificate_;
  bool said_hello_ = false;
};

class ClientSession final : public Session {
 public:
  ClientSession(bool breaks, std::string name, bool verify, std::vector<std::string> trusted)
      : Session(breaks), name_(std::move(name)), verify_(verify), trusted_(std::move(trusted)) {}

 private:
  void begin() override {
    if (!std::exchange(said_hello_, true)) put(RecordType::client_hello, name_);
  }
  void handle_handshake(const Record& record) override {
    const std::optional<Certificate> shown = parse_certificate(record.payload);
    if (record.type != RecordType::server_hello || !shown) {
      fail("unexpected message", "unexpected message");
    } else if (const std::string why = verify_ ? doubt(*shown) : ""; !why.empty()) {
      fail(why, "bad certificate");
    } else if (breaks()) {
      fail("decryption failed or bad record mac", "decrypt error");
    } else {
      put(RecordType::finished, {});
      open();
    }
  }
  /// Why the certificate is not good enough; empty: it is.
  [[nodiscard]] std::string doubt(const Certificate& shown) const {
    if (std::ranges::find(trusted_, shown.issuer) == trusted_.end())
      return "unable to get local issuer certificate";
    if (shown.expired) return "certificate has expired";
    if (std::ranges::find(shown.names, base::lower(name_)) == shown.names.end())
      return "hostname mismatch";
    return {};
  }

  std::string name_;
  bool verify_;
  std::vector<std::string> trusted_;
  bool said_hello_ = false;
};

class Context final : public sys::TlsContext {
 public:
  Context(SimTls& tls, std::string certificate, std::vector<std::string> trusted)
      : tls_(tls), certificate_(std::move(certificate)), trusted_(std::move(trusted)) {}
  [[nodiscard]] std::unique_ptr<sys::TlsSession> server() override {
    return std::make_unique<ServerSession>(tls_.next_one_fails(), certificate_);
  }
  [[nodiscard]] std::unique_ptr<sys::TlsSession> client(const std::string& name,
                                                        bool verify) override {
    return std::make_unique<ClientSession>(tls_.next_one_fails(), name, verify, trusted_);
  }

 private:
  SimTls& tls_;
  std::string certificate_;
  std::vector<std::string> trusted_;
};

}  // namespace

std::string encode_record(RecordType type, std::string_view payload) {
  std::string out;
  out += static_cast<char>(type);
  out += static_cast<char>(payload.size() & 0xff);
  out += static_cast<char>(payload.size() >> 8);
  return out + scrambled(payload);
}

std::optional<Record> RecordReader::next() {
  if (broken_ || buffer_.empty()) return std::nullopt;
  const auto type = static_cast<unsigned char>(buffer_[0]);
  broken_ = type < static_cast<unsigned char>(RecordType::client_hello) ||
            type > static_cast<unsigned char>(RecordType::alert);
  if (broken_ || buffer_.size() < record_header_octets) return std::nullopt;
  const std::size_t size = static_cast<unsigned char>(buffer_[1]) |
                           static_cast<std::size_t>(static_cast<unsigned char>(buffer_[2])) << 8;
  broken_ = size > record_octets_max;
  if (broken_ || buffer_.size() < record_header_octets + size) return std::nullopt;
  Record out{static_cast<RecordType>(type),
             scrambled(std::string_view(buffer_).substr(record_header_octets, size))};
  buffer_.erase(0, record_header_octets + size);
  return out;
}

std::expected<std::shared_ptr<sys::TlsContext>, std::string> SimTls::server_context(
    const std::string& chain_pem, const std::string& key_pem) {
  const std::optional<Certificate> certificate = parse_certificate(chain_pem);
  if (!certificate) return std::unexpected("no certificate in the chain");
  if (!key_pem.starts_with("sim-key")) return std::unexpected("no key");
  return std::make_shared<Context>(*this, certificate->text, std::vector<std::string>{});
}

std::expected<std::shared_ptr<sys::TlsContext>, std::string> SimTls::client_context(
    const std::string& trusted_pem) {
  constexpr std::string_view label = "sim-trusted:";
  if (trusted_pem.empty())
    return std::make_shared<Context>(*this, "", std::vector<std::string>{"public"});
  if (!trusted_pem.starts_with(label)) return std::unexpected("no certificates to trust");
  return std::make_shared<Context>(*this, "", split(trusted_pem.substr(label.size()), ','));
}

std::string sim_certificate(std::string_view names) {
  return "sim-certificate: " + std::string(names);
}

std::string sim_key() { return "sim-key"; }

}  // namespace sim
