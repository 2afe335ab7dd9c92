#include "grammar/mime.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"

namespace grammar {
namespace {

///     token = 1*<any (US-ASCII) CHAR except SPACE, CTLs, or tspecials>        [RFC2045 5.1]
[[nodiscard]] bool is_token_char(char c) {
  constexpr std::string_view tspecials = "()<>@,;:\\\"/[]?=";
  return base::is_ascii(c) && !base::is_control(c) && c != ' ' &&
         tspecials.find(c) == std::string_view::npos;
}

/// Reads a structured value of MIME, lexical token by lexical token.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() {
    skip();
    return ok_ && rest_.empty();
  }

  [[nodiscard]] bool take(char c) {
    skip();
    if (!ok_ || !rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Empty: there is none.
  [[nodiscard]] std::string take_token() {
    skip();
    if (!ok_) return {};
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    const auto octets = static_cast<std::size_t>(end - rest_.begin());
    std::string out(rest_.substr(0, octets));
    rest_.remove_prefix(octets);
    return out;
  }

  ///     quoted-string = [CFWS] DQUOTE *([FWS] qcontent) [FWS] DQUOTE [CFWS]   [RFC5322 3.2.4]
  [[nodiscard]] std::optional<std::string> take_value() {
    if (!take('"')) {
      std::string token = take_token();
      return token.empty() ? std::nullopt : std::optional(std::move(token));
    }
    std::string out;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\r' || c == '\n') continue;  // Folding.
      if (c != '\\') {
        out += c;
        continue;
      }
      if (rest_.empty()) break;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }

 private:
  /// Spaces, line ends and comments, which may hold comments [RFC5322 3.2.2].
  void skip() {
    std::size_t depth = 0;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (depth > 0 && c == '\\' && rest_.size() > 1)
        rest_.remove_prefix(1);
      else if (c == '(')
        ++depth;
      else if (depth > 0 && c == ')')
        --depth;
      else if (depth == 0 && !base::is_space(c) && c != '\r' && c != '\n')
        return;
      rest_.remove_prefix(1);
    }
    ok_ = ok_ && depth == 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

[[nodiscard]] std::string_view first_line(std::string_view text) {
  const std::size_t lf = text.find('\n');
  return lf == std::string_view::npos ? text : text.substr(0, lf + 1);
}

}  // namespace

const std::string* MediaType::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name,
                                       [](const auto& one) { return std::string_view(one.first); });
  return found == parameters.end() ? nullptr : &found->second;
}

std::optional<MediaType> parse_media_type(std::string_view value) {
  Reader in(value);
  MediaType out;
  out.type = base::lower(in.take_token());
  if (out.type.empty() || !in.take('/')) return std::nullopt;
  out.subtype = base::lower(in.take_token());
  if (out.subtype.empty()) return std::nullopt;
  while (in.take(';')) {
    std::string name = base::lower(in.take_token());
    if (name.empty()) continue;
    if (!in.take('=')) return std::nullopt;
    auto parameter = in.take_value();
    if (!parameter) return std::nullopt;
    out.parameters.emplace_back(std::move(name), std::move(*parameter));
  }
  return in.at_end() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<TransferEncoding> parse_transfer_encoding(std::string_view value) {
  Reader in(value);
  const std::string word = base::lower(in.take_token());
  if (word.empty() || !in.at_end()) return std::nullopt;
  if (word == "7bit") return TransferEncoding::seven_bit;
  if (word == "8bit") return TransferEncoding::eight_bit;
  if (word == "binary") return TransferEncoding::binary;
  if (word == "quoted-printable") return TransferEncoding::quoted_printable;
  if (word == "base64") return TransferEncoding::base64;
  return TransferEncoding::other;
}

MultipartPieces::MultipartPieces(std::string_view body, std::string_view boundary)
    : rest_(body), delimiter_("\r\n--") {
  delimiter_ += boundary;
}

///     delimiter       = CRLF "--" boundary *LWSP-char CRLF         [RFC2046 5.1.1]
///     close-delimiter = delimiter "--"
///
/// The first one may stand at the very start.
std::optional<MultipartPiece> MultipartPieces::next() {
  const std::string_view first = std::string_view(delimiter_).substr(2);
  const bool leads = std::exchange(at_start_, false) && rest_.starts_with(first);
  const std::size_t at = leads ? 0 : rest_.find(delimiter_);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t head = leads ? first.size() : delimiter_.size();
  std::string_view line = first_line(rest_.substr(at + head));

  const bool has_end = line.ends_with("\r\n");
  if (has_end) line.remove_suffix(2);
  MultipartPiece out;
  out.text = rest_.substr(0, at);
  out.delimiter = rest_.substr(at, head + line.size());
  out.closing = line.starts_with("--");
  if (out.closing) line.remove_prefix(2);
  if (!base::trimmed(line).empty() || (!has_end && !out.closing)) return std::nullopt;
  rest_.remove_prefix(at + out.delimiter.size());
  return out;
}

}  // namespace grammar
