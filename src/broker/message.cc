#include "broker/message.h"

#include <limits>
#include <utility>

namespace broker {
namespace {

enum class Type : char {
  get_configuration = 1,
  taken_over,
  ready,
  listen,
  open_file,
  open_log,
  run,
  reply,
  run_end,
};

class Writer {
 public:
  explicit Writer(Type type) : out_(1, static_cast<char>(type)) {}

  Writer& number(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out_ += static_cast<char>(value >> shift);
    return *this;
  }
  Writer& text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_ += value;
    return *this;
  }
  Writer& list(const std::vector<std::string>& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Once something was missing or wrong, everything that is read is empty, and ends_well() false.
class Reader {
 public:
  explicit Reader(std::string_view octets) : rest_(octets) {
    if (octets.empty() || octets.size() > message_octets_max) fail();
  }

  [[nodiscard]] Type type() {
    const std::string_view octet = take(1);
    return octet.empty() ? Type{} : static_cast<Type>(octet[0]);
  }
  [[nodiscard]] std::uint32_t number() {
    std::uint32_t out = 0;
    for (const char octet : take(4)) out = out << 8 | static_cast<std::uint8_t>(octet);
    return out;
  }
  [[nodiscard]] std::uint32_t number_up_to(std::uint32_t most) {
    const std::uint32_t out = number();
    if (out <= most) return out;
    fail();
    return 0;
  }
  [[nodiscard]] bool flag() { return number_up_to(1) == 1; }
  /// Without NUL: it becomes a name, a path, or an argument.
  [[nodiscard]] std::string text() {
    const std::string_view octets = take(number());
    if (octets.contains('\0')) fail();
    return std::string(octets);
  }
  [[nodiscard]] std::vector<std::string> list() {
    std::vector<std::string> out(number_up_to(list_items_max));
    for (std::string& value : out) value = text();
    return out;
  }
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  [[nodiscard]] bool ends_well() const { return !failed_ && rest_.empty(); }

 private:
  [[nodiscard]] std::string_view take(std::size_t octets) {
    if (octets > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view out = rest_.substr(0, octets);
    rest_.remove_prefix(octets);
    return out;
  }

  std::string_view rest_;
  bool failed_ = false;
};

constexpr std::uint32_t int_max = std::numeric_limits<int>::max();

struct Encoder {
  std::string operator()(const GetConfiguration& it) const {
    return Writer(Type::get_configuration).number(it.anew).take();
  }
  std::string operator()(const TakenOver& it) const {
    return Writer(Type::taken_over).number(it.done).take();
  }
  std::string operator()(const Ready&) const { return Writer(Type::ready).take(); }
  std::string operator()(const Listen& it) const {
    return Writer(Type::listen).text(it.endpoint.to_string()).take();
  }
  std::string operator()(const OpenFile& it) const {
    return Writer(Type::open_file).text(it.path).take();
  }
  std::string operator()(const OpenLog& it) const {
    return Writer(Type::open_log).text(it.path).take();
  }
  std::string operator()(const StartRun& it) const {
    return Writer(Type::run)
        .text(it.user)
        .number(it.into_home)
        .list(it.arguments)
        .list(it.environment)
        .number(it.seconds_max)
        .take();
  }
};

Request read_listen(Reader& reader) {
  const auto endpoint = base::Endpoint::parse(reader.text());
  if (endpoint) return Listen{*endpoint};
  reader.fail();
  return Listen{};
}

Request read_run(Reader& reader) {
  StartRun run;
  run.user = reader.text();
  run.into_home = reader.flag();
  run.arguments = reader.list();
  run.environment = reader.list();
  run.seconds_max = reader.number();
  if (run.arguments.empty() || run.user.empty()) reader.fail();
  return run;
}

std::optional<Request> read_request(Reader& reader) {
  switch (reader.type()) {
    case Type::get_configuration: return GetConfiguration{reader.flag()};
    case Type::taken_over: return TakenOver{reader.flag()};
    case Type::ready: return Ready{};
    case Type::listen: return read_listen(reader);
    case Type::open_file: return OpenFile{reader.text()};
    case Type::open_log: return OpenLog{reader.text()};
    case Type::run: return read_run(reader);
    case Type::reply:
    case Type::run_end: break;
  }
  return std::nullopt;
}

}  // namespace

std::string encode(const Request& request) { return std::visit(Encoder{}, request); }

std::string encode(const Reply& reply) {
  return Writer(Type::reply)
      .number(static_cast<std::uint32_t>(reply.error))
      .text(reply.text)
      .take();
}

std::string encode(const RunEnd& end) {
  return Writer(Type::run_end)
      .number(static_cast<std::uint32_t>(end.how))
      .number(static_cast<std::uint32_t>(end.number))
      .take();
}

std::optional<Request> decode_request(std::string_view octets) {
  Reader reader(octets);
  std::optional<Request> out = read_request(reader);
  if (!reader.ends_well()) return std::nullopt;
  return out;
}

std::optional<Reply> decode_reply(std::string_view octets) {
  Reader reader(octets);
  if (reader.type() != Type::reply) return std::nullopt;
  Reply out;
  out.error = static_cast<int>(reader.number_up_to(int_max));
  out.text = reader.text();
  if (!reader.ends_well()) return std::nullopt;
  return out;
}

std::optional<RunEnd> decode_run_end(std::string_view octets) {
  Reader reader(octets);
  if (reader.type() != Type::run_end) return std::nullopt;
  RunEnd out;
  constexpr auto last = static_cast<std::uint32_t>(RunEnd::How::not_started);
  out.how = static_cast<RunEnd::How>(reader.number_up_to(last));
  out.number = static_cast<int>(reader.number_up_to(int_max));
  if (!reader.ends_well()) return std::nullopt;
  return out;
}

}  // namespace broker
