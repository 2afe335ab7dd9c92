#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/base64.h"
#include "grammar/header.h"
#include "grammar/mime.h"

// What tests and the fuzz target hold a conversion against: a reader of MIME that is simple, and
// believes what it is told.
namespace grammar::mime_test {

inline std::optional<std::string> decode_quoted_printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    if (text.substr(i).starts_with("=\r\n")) {
      i += 2;
      continue;
    }
    constexpr std::string_view hex_digits = "0123456789ABCDEF";
    if (i + 2 >= text.size()) return std::nullopt;
    const std::size_t high = hex_digits.find(text[i + 1]);
    const std::size_t low = hex_digits.find(text[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

inline std::optional<std::string> decode_base64(std::string_view text) {
  std::string joined;
  for (const char c : text) {
    if (c != '\r' && c != '\n') joined += c;
  }
  return base::base64_decode(joined);
}

/// The content without what a conversion changes: the fields Content-Transfer-Encoding are gone,
/// bodies are decoded. What does not decode stays as it is.
inline std::string decoded(std::string_view text, bool in_digest = false, int depth = 0) {
  std::string out;
  MediaType type;
  if (in_digest) type = {"message", "rfc822", {}};
  auto encoding = TransferEncoding::seven_bit;
  HeaderFields fields(text);
  while (const auto field = fields.next()) {
    if (field->is("Content-Type")) type = parse_media_type(field->value).value_or(type);
    if (field->is("Content-Transfer-Encoding")) {
      encoding = parse_transfer_encoding(field->value).value_or(encoding);
    } else {
      out += field->whole;
    }
  }
  std::string_view body = text.substr(fields.offset());
  if (body.starts_with("\r\n")) {
    out += "\r\n";
    body.remove_prefix(2);
  }
  if (encoding == TransferEncoding::quoted_printable) {
    return out + decode_quoted_printable(body).value_or(std::string(body));
  }
  if (encoding == TransferEncoding::base64) {
    return out + decode_base64(body).value_or(std::string(body));
  }
  if (depth > 40) return out + std::string(body);
  if (type.is("message", "rfc822")) return out + decoded(body, false, depth + 1);
  const std::string* boundary = type.type == "multipart" ? type.find("boundary") : nullptr;
  if (boundary == nullptr) return out + std::string(body);
  MultipartPieces pieces(body, *boundary);
  bool preamble = true;
  while (const auto piece = pieces.next()) {
    if (preamble || piece->text.empty()) {
      out += piece->text;
    } else {
      out += "\r\n" + decoded(piece->text.substr(2), type.subtype == "digest", depth + 1);
    }
    out += piece->delimiter;
    preamble = false;
    if (piece->closing) break;
  }
  return out + std::string(pieces.rest());
}

}  // namespace grammar::mime_test
