#include "dns/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"

namespace dns {
namespace {

constexpr std::uint16_t class_in = 1;
constexpr std::size_t header_octets = 12;

constexpr std::array<std::pair<Type, std::string_view>, 7> type_names = {{
    {Type::a, "A"},
    {Type::ns, "NS"},
    {Type::cname, "CNAME"},
    {Type::soa, "SOA"},
    {Type::mx, "MX"},
    {Type::txt, "TXT"},
    {Type::aaaa, "AAAA"},
}};

/// Reads a message; the first error makes it fail for good, to be asked after each record.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  [[nodiscard]] const char* error() const { return error_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::uint8_t u8() {
    if (!has(1)) return 0;
    return static_cast<std::uint8_t>(in_[at_++]);
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string_view octets(std::size_t count) {
    if (!has(count)) return {};
    at_ += count;
    return in_.substr(at_ - count, count);
  }

  /// [RFC1035 4.1.4]. With `or_root` a name that Name cannot hold becomes the root.
  Name name(bool or_root = false) {
    std::string text;
    bool exact = true;
    // Each pointer must lead to before everything read so far: so there are only so many.
    std::size_t position = at_;
    std::size_t lowest = at_;
    bool jumped = false;
    for (;;) {
      if (position >= in_.size()) return fail("a name runs past the end");
      const auto length = static_cast<std::uint8_t>(in_[position]);
      if (length >= 0xc0) {
        if (position + 1 >= in_.size()) return fail("a pointer runs past the end");
        const std::size_t target =
            (length & 0x3fu) << 8 | static_cast<std::uint8_t>(in_[position + 1]);
        if (!jumped) at_ = position + 2;
        jumped = true;
        if (target >= lowest) return fail("a pointer does not lead backwards");
        position = lowest = target;
        continue;
      }
      if (length > label_octets_max) return fail("a label of an unknown kind");
      if (position + 1 + length > in_.size()) return fail("a label runs past the end");
      const std::string_view label = in_.substr(position + 1, length);
      position += 1u + length;
      if (length == 0) break;
      if (text.size() + length > name_octets_max + 1) return fail("a name is too long");
      exact = exact && label.find('.') == std::string_view::npos;
      text.append(label).push_back('.');
    }
    if (!jumped) at_ = position;
    if (text.empty()) return {};
    std::optional<Name> name = exact ? Name::parse(text) : std::nullopt;
    if (name) return *std::move(name);
    if (or_root && text.size() <= name_octets_max + 1) return {};
    return fail("a name is too long or has an octet that we do not take");
  }

  Name fail(const char* why) {
    if (error_ == nullptr) error_ = why;
    at_ = in_.size();
    return {};
  }

 private:
  bool has(std::size_t count) {
    if (!failed() && in_.size() - at_ >= count) return true;
    fail("the message is cut off");
    return false;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  const char* error_ = nullptr;
};

std::string read_character_strings(Reader& in, std::size_t end) {
  std::string text;
  while (!in.failed() && in.at() < end) text.append(in.octets(in.u8()));
  return text;
}

Soa read_soa(Reader& in) {
  Soa soa;
  soa.primary = in.name();
  soa.mailbox = in.name(/*or_root=*/true);
  soa.serial = in.u32();
  soa.refresh = in.u32();
  soa.retry = in.u32();
  soa.expire = in.u32();
  soa.minimum = in.u32();
  return soa;
}

template <std::size_t Count>
std::array<std::uint8_t, Count> read_address(Reader& in) {
  std::array<std::uint8_t, Count> octets{};
  for (std::uint8_t& octet : octets) octet = in.u8();
  return octets;
}

Data read_data(Reader& in, Type type, std::size_t length) {
  switch (type) {
    case Type::a: return base::IpAddress::v4(read_address<4>(in));
    case Type::aaaa: return base::IpAddress::v6(read_address<16>(in));
    case Type::ns:
    case Type::cname: return in.name();
    case Type::soa: return read_soa(in);
    case Type::mx: {
      Mx mx;
      mx.preference = in.u16();
      mx.exchange = in.name();
      return mx;
    }
    case Type::txt: return Txt{read_character_strings(in, in.at() + length)};
  }
  return Opaque{std::string(in.octets(length))};
}

/// Nothing for what is left out. [RFC1035 4.1.3]
std::optional<Record> read_record(Reader& in) {
  // The OPT pseudo-record, whose class is a size [RFC6891 6.1.2].
  constexpr auto opt = static_cast<Type>(41);
  Record record;
  record.owner = in.name();
  record.type = static_cast<Type>(in.u16());
  const std::uint16_t its_class = in.u16();
  const std::uint32_t ttl = in.u32();
  // Values with the highest bit count as zero [RFC2181 8].
  record.ttl = std::chrono::seconds(ttl > 0x7fffffff ? 0 : ttl);
  const std::size_t length = in.u16();
  if (its_class != class_in || record.type == opt) {
    (void)in.octets(length);
    return std::nullopt;
  }
  const std::size_t start = in.at();
  record.data = read_data(in, record.type, length);
  if (!in.failed() && in.at() - start != length)
    in.fail("the data of a record have another length");
  return record;
}

void read_section(Reader& in, std::size_t count, std::vector<Record>& section) {
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    std::optional<Record> record = read_record(in);
    if (record && !in.failed()) section.push_back(*std::move(record));
  }
}

/// Writes a message without compression.
class Writer {
 public:
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  void cut(std::size_t octets) { out_.resize(octets); }
  void u8(unsigned value) { out_.push_back(static_cast<char>(value)); }
  void u16(unsigned value) {
    u8(value >> 8 & 0xff);
    u8(value & 0xff);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16);
    u16(value & 0xffff);
  }
  void set_u16(std::size_t at, std::size_t value) {
    out_[at] = static_cast<char>(value >> 8 & 0xff);
    out_[at + 1] = static_cast<char>(value & 0xff);
  }
  void octets(std::string_view octets) { out_.append(octets); }
  void name(const Name& name) {
    std::string_view rest = name.text();
    while (!rest.empty()) {
      const std::string_view label = rest.substr(0, rest.find('.'));
      u8(static_cast<unsigned>(label.size()));
      octets(label);
      rest.remove_prefix(std::min(rest.size(), label.size() + 1));
    }
    u8(0);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void write_address(Writer& out, Type type, const base::IpAddress& address) {
  PH_ASSERT(type == Type::aaaa || (type == Type::a && address.is_v4()));
  if (type == Type::a) {
    for (const std::uint8_t octet : address.v4_octets()) out.u8(octet);
  } else {
    for (const std::uint8_t octet : address.octets()) out.u8(octet);
  }
}

void write_character_strings(Writer& out, std::string_view text) {
  do {
    const std::string_view piece = text.substr(0, 255);
    out.u8(static_cast<unsigned>(piece.size()));
    out.octets(piece);
    text.remove_prefix(piece.size());
  } while (!text.empty());
}

void write_soa(Writer& out, const Soa& soa) {
  out.name(soa.primary);
  out.name(soa.mailbox);
  for (const std::uint32_t number : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) {
    out.u32(number);
  }
}

void write_record(Writer& out, const Record& record) {
  out.name(record.owner);
  out.u16(static_cast<std::uint16_t>(record.type));
  out.u16(class_in);
  out.u32(static_cast<std::uint32_t>(std::clamp<std::int64_t>(record.ttl.count(), 0, 0x7fffffff)));
  const std::size_t length_at = out.size();
  out.u16(0);
  if (const auto* address = std::get_if<base::IpAddress>(&record.data)) {
    write_address(out, record.type, *address);
  } else if (const auto* name = std::get_if<Name>(&record.data)) {
    out.name(*name);
  } else if (const auto* mx = std::get_if<Mx>(&record.data)) {
    out.u16(mx->preference);
    out.name(mx->exchange);
  } else if (const auto* txt = std::get_if<Txt>(&record.data)) {
    write_character_strings(out, txt->text);
  } else if (const auto* soa = std::get_if<Soa>(&record.data)) {
    write_soa(out, *soa);
  } else {
    out.octets(std::get<Opaque>(record.data).octets);
  }
  const std::size_t length = out.size() - length_at - 2;
  PH_ASSERT(length <= 0xffff);
  out.set_u16(length_at, length);
}

unsigned flags_of(const Message& message) {
  return (message.response ? 0x8000u : 0) | (message.authoritative ? 0x0400u : 0) |
         (message.truncated ? 0x0200u : 0) | (message.recursion_desired ? 0x0100u : 0) |
         (message.recursion_available ? 0x0080u : 0) | (static_cast<unsigned>(message.rcode) & 0xf);
}

}  // namespace

std::string to_string(Type type) {
  for (const auto& [known, name] : type_names) {
    if (known == type) return std::string(name);
  }
  return fmt::format("TYPE{}", static_cast<unsigned>(type));
}

std::optional<Type> parse_type(std::string_view text) {
  for (const auto& [known, name] : type_names) {
    if (base::equal_nocase(text, name)) return known;
  }
  if (!base::starts_with_nocase(text, "TYPE")) return std::nullopt;
  text.remove_prefix(4);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return static_cast<Type>(number);
}

std::string_view to_string(LookupError error) {
  switch (error) {
    case LookupError::server_failure: return "SERVFAIL";
    case LookupError::refused: return "REFUSED";
    case LookupError::timed_out: return "time-out";
  }
  PH_ASSERT(false);
}

std::expected<Message, std::string> decode(std::string_view octets) {
  Reader in(octets);
  Message message;
  message.id = in.u16();
  const unsigned flags = in.u16();
  if ((flags & 0x7800u) != 0) return std::unexpected("not a standard query");
  message.response = (flags & 0x8000u) != 0;
  message.authoritative = (flags & 0x0400u) != 0;
  message.truncated = (flags & 0x0200u) != 0;
  message.recursion_desired = (flags & 0x0100u) != 0;
  message.recursion_available = (flags & 0x0080u) != 0;
  message.rcode = static_cast<Rcode>(flags & 0xf);
  const std::size_t questions = in.u16();
  const std::size_t answers = in.u16();
  const std::size_t authorities = in.u16();
  const std::size_t additionals = in.u16();
  for (std::size_t i = 0; i < questions && !in.failed(); ++i) {
    Question question{.name = in.name(), .type = static_cast<Type>(in.u16())};
    if (in.u16() == class_in && !in.failed()) message.questions.push_back(std::move(question));
  }
  read_section(in, answers, message.answers);
  read_section(in, authorities, message.authorities);
  read_section(in, additionals, message.additionals);
  if (in.failed()) return std::unexpected(in.error());
  return message;
}

std::string encode(const Message& message, std::size_t octets_max) {
  PH_ASSERT(octets_max >= header_octets && octets_max <= 65'535);
  Writer out;
  out.u16(message.id);
  out.u16(flags_of(message));
  for (int i = 0; i < 4; ++i) out.u16(0);

  bool full = false;
  // The count of each section stands in the header at `count_at`.
  const auto section = [&](std::size_t count_at, const auto& items, const auto& write) {
    std::size_t count = 0;
    for (const auto& item : items) {
      if (full) break;
      const std::size_t before = out.size();
      write(item);
      full = out.size() > octets_max;
      if (full) {
        out.cut(before);
      } else {
        ++count;
      }
    }
    out.set_u16(count_at, count);
  };
  const auto record = [&](const Record& item) { write_record(out, item); };
  section(4, message.questions, [&](const Question& question) {
    out.name(question.name);
    out.u16(static_cast<std::uint16_t>(question.type));
    out.u16(class_in);
  });
  section(6, message.answers, record);
  section(8, message.authorities, record);
  section(10, message.additionals, record);
  if (full) out.set_u16(2, flags_of(message) | 0x0200u);
  return out.take();
}

}  // namespace dns
