#pragma once

#include <optional>
#include <string>
#include <string_view>

// The wire of the stand-in: a type, two octets of length (little-endian), then the payload, each
// octet XOR 0x5a. Types have the high bit set, so that no text passes for a record.
namespace sim {

enum class RecordType : unsigned char {
  client_hello = 0x81,  ///< The name asked for.
  server_hello = 0x82,  ///< The certificate's text.
  finished = 0x83,
  data = 0x84,
  close_notify = 0x85,
  alert = 0x86,  ///< Text.
};

inline constexpr std::size_t record_octets_max = 16'384;

struct Record {
  RecordType type;
  std::string payload;
};

[[nodiscard]] std::string encode_record(RecordType type, std::string_view payload);

/// Takes octets as they come, gives whole records.
class RecordReader {
 public:
  void add(std::string_view wire) { buffer_ += wire; }
  /// Nullopt: more octets are needed, or it is broken.
  [[nodiscard]] std::optional<Record> next();
  [[nodiscard]] bool is_broken() const { return broken_; }

 private:
  std::string buffer_;
  bool broken_ = false;
};

}  // namespace sim
