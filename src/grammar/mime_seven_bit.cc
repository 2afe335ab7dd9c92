#include "grammar/mime_seven_bit.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "grammar/header.h"
#include "grammar/mime.h"
#include "grammar/mime_encoding.h"

namespace grammar {
namespace {

/// An entity in its parts, and what its header section says of it [RFC2045 2.4].
struct Entity {
  std::string_view header_section;
  std::string_view separator;  ///< The blank line.
  std::string_view body;
  MediaType type;
  TransferEncoding encoding = TransferEncoding::seven_bit;
  std::string_view encoding_field;  ///< Within header_section; empty: there is none.
};

[[nodiscard]] bool is_signature(const HeaderField& field) {
  constexpr std::array names = {"DKIM-Signature", "DomainKey-Signature", "ARC-Seal",
                                "ARC-Message-Signature", "ARC-Authentication-Results"};
  return std::ranges::any_of(names, [&](const char* name) { return field.is(name); });
}

enum class Place : std::uint8_t {
  message,  ///< It has the fields of a message [RFC5322 3.6], too.
  part,
  part_of_digest,  ///< A message, where it does not say otherwise [RFC2046 5.1.5].
};

/// Nullopt: it is not well-formed, or must not be changed.
[[nodiscard]] std::optional<Entity> read_entity(std::string_view text, Place place) {
  const bool message = place == Place::message;
  Entity out;
  if (place == Place::part_of_digest) out.type = {"message", "rfc822", {}};
  HeaderFields fields(text);
  std::size_t types = 0;
  std::size_t encodings = 0;
  std::size_t versions = 0;
  while (const auto field = fields.next()) {
    if (message && is_signature(*field)) return std::nullopt;
    if (field->is("MIME-Version")) ++versions;
    if (field->is("Content-Type")) {
      auto type = parse_media_type(field->value);
      if (!type || ++types > 1) return std::nullopt;
      out.type = std::move(*type);
    }
    if (field->is("Content-Transfer-Encoding")) {
      const auto encoding = parse_transfer_encoding(field->value);
      if (!encoding || ++encodings > 1) return std::nullopt;
      out.encoding = *encoding;
      out.encoding_field = field->whole;
    }
  }
  if (message && versions != 1) return std::nullopt;
  out.header_section = text.substr(0, fields.offset());
  if (!base::is_ascii(out.header_section)) return std::nullopt;
  text.remove_prefix(fields.offset());
  if (!text.starts_with("\r\n")) return std::nullopt;
  out.separator = text.substr(0, 2);
  out.body = text.substr(2);
  return out;
}

[[nodiscard]] bool is_identity(TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::seven_bit:
    case TransferEncoding::eight_bit:
    case TransferEncoding::binary: return true;
    case TransferEncoding::quoted_printable:
    case TransferEncoding::base64:
    case TransferEncoding::other: return false;
  }
  return false;
}

/// The header section, with another Content-Transfer-Encoding, where the old one was.
void append_header_section(const Entity& entity, std::string_view encoding, std::string& out) {
  const std::string_view all = entity.header_section;
  const std::string_view old = entity.encoding_field;
  const std::size_t at =
      old.empty() ? all.size() : static_cast<std::size_t>(old.data() - all.data());
  out += all.substr(0, at);
  out += "Content-Transfer-Encoding: ";
  out += encoding;
  out += "\r\n";
  out += all.substr(at + old.size());
  out += entity.separator;
}

[[nodiscard]] bool convert(std::string_view text, Place place, std::size_t depth, std::string& out);

[[nodiscard]] bool convert_leaf(const Entity& entity, std::string& out) {
  const bool quoted = quoted_printable_octets(entity.body) <= base64_octets(entity.body);
  append_header_section(entity, quoted ? "quoted-printable" : "base64", out);
  if (quoted) {
    append_quoted_printable(entity.body, out);
  } else {
    append_base64(entity.body, out);
  }
  return true;
}

/// What holds entities must not be encoded itself [RFC2045 6.4].
void append_composite_header(const Entity& entity, std::string& out) {
  if (entity.encoding != TransferEncoding::seven_bit) {
    append_header_section(entity, "7bit", out);
    return;
  }
  out += entity.header_section;
  out += entity.separator;
}

[[nodiscard]] bool convert_multipart(const Entity& entity, std::size_t depth, std::string& out) {
  if (entity.type.subtype == "signed" || entity.type.subtype == "encrypted") return false;
  const std::string* boundary = entity.type.find("boundary");
  if (boundary == nullptr || boundary->empty() || boundary->size() > boundary_octets_max) {
    return false;
  }
  const Place place = entity.type.subtype == "digest" ? Place::part_of_digest : Place::part;
  append_composite_header(entity, out);
  MultipartPieces pieces(entity.body, *boundary);
  bool preamble = true;
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return false;
    if (base::is_ascii(piece->text)) {
      out += piece->text;
    } else {
      if (preamble) return false;
      out += piece->text.substr(0, 2);
      if (!convert(piece->text.substr(2), place, depth + 1, out)) return false;
    }
    out += piece->delimiter;
    preamble = false;
    if (piece->closing) break;
  }
  if (!base::is_ascii(pieces.rest())) return false;
  out += pieces.rest();
  return true;
}

/// Appends the entity in seven bits; it has octets beyond US-ASCII.
bool convert(std::string_view text, Place place, std::size_t depth, std::string& out) {
  if (depth > mime_depth_max) return false;
  const auto entity = read_entity(text, place);
  if (!entity || !is_identity(entity->encoding)) return false;
  const std::string& type = entity->type.type;
  if (type == "multipart") return convert_multipart(*entity, depth, out);
  if (type != "message") return convert_leaf(*entity, out);
  if (!entity->type.is("message", "rfc822")) return false;
  append_composite_header(*entity, out);
  return convert(entity->body, Place::message, depth + 1, out);
}

}  // namespace

std::optional<std::string> to_seven_bit(std::string_view content) {
  std::string out;
  out.reserve(content.size() + content.size() / 8);
  if (base::is_ascii(content)) {
    out = content;
    return out;
  }
  if (!convert(content, Place::message, 1, out)) return std::nullopt;
  return out;
}

}  // namespace grammar
