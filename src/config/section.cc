#include "config/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <tuple>

#include "base/ascii.h"
#include "config/values.h"

namespace config {
namespace {

constexpr std::string_view expected_duration =
    "expected a duration such as \"30s\", \"15m\", \"4h\" or \"5d\"";
constexpr std::string_view expected_size = "expected a size such as \"64KiB\" or \"50MiB\"";

bool is_empty(const Node& node) {
  switch (node.kind) {
    case Node::Kind::text: return node.text.empty();
    case Node::Kind::boolean: return !node.boolean;
    case Node::Kind::array: return node.children.empty();
    case Node::Kind::table: return node.children.empty();
    case Node::Kind::integer:
    case Node::Kind::number:
    case Node::Kind::date_time: break;
  }
  return false;
}

}  // namespace

void Problems::add(Position position, std::string key, std::string message) {
  mistakes_.push_back({.file = file_name_,
                       .position = position,
                       .key = std::move(key),
                       .message = std::move(message)});
}

void Problems::add_in(std::string file, std::size_t line, std::string message) {
  mistakes_.push_back(
      {.file = std::move(file), .position = {.line = line}, .message = std::move(message)});
}

std::vector<Mistake> Problems::take() {
  std::ranges::sort(mistakes_, [this](const Mistake& a, const Mistake& b) {
    const bool a_elsewhere = a.file != file_name_;
    const bool b_elsewhere = b.file != file_name_;
    return std::tie(a_elsewhere, a.file, a.position, a.key, a.message) <
           std::tie(b_elsewhere, b.file, b.position, b.key, b.message);
  });
  return std::move(mistakes_);
}

const Node* Section::look_up(std::string_view name) {
  known_.push_back(name);
  return exists() ? table_->find(name) : nullptr;
}

const Node* Section::look_up(std::string_view name, Node::Kind kind, std::string_view expected) {
  const Node* node = look_up(name);
  if (node == nullptr || node->kind == kind) return node;
  fail_kind(*node, key_of(name), expected);
  return nullptr;
}

std::string Section::key_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Section::fail_kind(const Node& node, std::string key, std::string_view expected) {
  problems_->add(node.position, std::move(key),
                 fmt::format("{}, found {}", expected, describe(node.kind)));
}

std::optional<Text> Section::checked(const Node& node, std::string key) {
  if (std::ranges::any_of(node.text, base::is_control)) {
    problems_->add(node.position, std::move(key), "expected text without control characters");
    return std::nullopt;
  }
  return Text{node.text, node.position, std::move(key)};
}

std::optional<Text> Section::text(std::string_view name) {
  const Node* node = look_up(name, Node::Kind::text, "expected a string");
  if (node == nullptr) return std::nullopt;
  return checked(*node, key_of(name));
}

std::optional<Text> Section::filled_text(std::string_view name) {
  std::optional<Text> given = text(name);
  if (given && given->value.empty()) return std::nullopt;
  return given;
}

std::optional<Text> Section::required_text(std::string_view name, std::string_view expected) {
  if (!has(name)) {
    known_.push_back(name);
    problems_->add(position(), key_of(name), fmt::format("missing: {}", expected));
    return std::nullopt;
  }
  std::optional<Text> given = text(name);
  if (given && given->value.empty()) {
    fail(*given, fmt::format("{}, found an empty string", expected));
    return std::nullopt;
  }
  return given;
}

std::vector<Text> Section::texts(std::string_view name) {
  std::vector<Text> out;
  const Node* node = look_up(name, Node::Kind::array, "expected an array of strings");
  if (node == nullptr) return out;
  std::size_t number = 0;
  for (const Node& element : node->children) {
    const std::string key = fmt::format("{}[{}]", key_of(name), ++number);
    if (element.kind != Node::Kind::text) {
      fail_kind(element, key, "expected a string");
    } else if (auto given = checked(element, key)) {
      out.push_back(std::move(*given));
    }
  }
  return out;
}

std::vector<Text> Section::required_texts(std::string_view name, std::string_view expected) {
  if (!has(name)) {
    known_.push_back(name);
    problems_->add(position(), key_of(name), fmt::format("missing: {}", expected));
    return {};
  }
  const Node& node = *table_->find(name);
  if (node.kind == Node::Kind::array && node.children.empty()) {
    problems_->add(node.position, key_of(name), fmt::format("{}, found an empty array", expected));
  }
  return texts(name);
}

void Section::boolean(std::string_view name, bool& out) {
  if (const Node* node = look_up(name, Node::Kind::boolean, "expected true or false")) {
    out = node->boolean;
  }
}

void Section::count(std::string_view name, Bounds<std::size_t> bounds, std::size_t& out) {
  const std::string expected =
      fmt::format("expected a number from {} to {}", bounds.min, bounds.max);
  const Node* node = look_up(name, Node::Kind::integer, expected);
  if (node == nullptr) return;
  const std::int64_t number = node->integer;
  if (number < 0 || static_cast<std::size_t>(number) < bounds.min ||
      static_cast<std::size_t>(number) > bounds.max) {
    problems_->add(node->position, key_of(name), fmt::format("{}, found {}", expected, number));
    return;
  }
  out = static_cast<std::size_t>(number);
}

std::optional<base::Duration> Section::to_duration(const Text& text,
                                                   Bounds<base::Duration> bounds) {
  const std::optional<base::Duration> duration = parse_duration(text.value);
  if (!duration) {
    fail(text, fmt::format("{}, found \"{}\"", expected_duration, text.value));
    return std::nullopt;
  }
  if (*duration < bounds.min || *duration > bounds.max) {
    fail(text, fmt::format("expected a duration from \"{}\" to \"{}\", found \"{}\"",
                           print_duration(bounds.min), print_duration(bounds.max), text.value));
    return std::nullopt;
  }
  return duration;
}

void Section::duration(std::string_view name, Bounds<base::Duration> bounds, base::Duration& out) {
  const Node* node = look_up(name, Node::Kind::text, expected_duration);
  if (node == nullptr) return;
  const auto value = to_duration({node->text, node->position, key_of(name)}, bounds);
  if (value) out = *value;
}

void Section::size(std::string_view name, Bounds<std::uint64_t> bounds, std::uint64_t& out) {
  const Node* node = look_up(name, Node::Kind::text, expected_size);
  if (node == nullptr) return;
  const std::optional<std::uint64_t> octets = parse_size(node->text);
  if (!octets) {
    problems_->add(node->position, key_of(name),
                   fmt::format("{}, found \"{}\"", expected_size, node->text));
  } else if (*octets < bounds.min || *octets > bounds.max) {
    problems_->add(node->position, key_of(name),
                   fmt::format("expected a size from \"{}\" to \"{}\", found \"{}\"",
                               print_size(bounds.min), print_size(bounds.max), node->text));
  } else {
    out = *octets;
  }
}

void Section::fail_choice(const Text& text, std::vector<std::string_view> names, bool known) {
  if (known) {
    fail(text, fmt::format("\"{}\" is not supported yet", text.value));
  } else {
    fail(text, fmt::format("expected one of \"{}\", found \"{}\"", fmt::join(names, "\", \""),
                           text.value));
  }
}

Section Section::table(std::string_view name) {
  const std::string expected = fmt::format("expected a table [{}]", key_of(name));
  return {look_up(name, Node::Kind::table, expected), key_of(name), *problems_};
}

std::vector<Section> Section::tables(std::string_view name) {
  std::vector<Section> out;
  const std::string expected = fmt::format("expected an array of tables [[{}]]", name);
  const Node* node = look_up(name, Node::Kind::array, expected);
  if (node == nullptr) return out;
  std::size_t number = 0;
  for (const Node& element : node->children) {
    std::string path = fmt::format("{}[{}]", key_of(name), ++number);
    if (element.kind != Node::Kind::table) {
      fail_kind(element, std::move(path), expected);
    } else {
      out.emplace_back(&element, std::move(path), *problems_);
    }
  }
  return out;
}

bool Section::has_filled(std::string_view name) const {
  return has(name) && !is_empty(*table_->find(name));
}

void Section::not_supported_yet(std::string_view name) {
  const Node* node = look_up(name);
  if (node == nullptr || is_empty(*node)) return;
  problems_->add(node->position, key_of(name), fmt::format("{} is not supported yet", name));
}

void Section::fail_at(std::string_view name, std::string message) {
  const Position where = has(name) ? table_->find(name)->position : position();
  problems_->add(where, key_of(name), std::move(message));
}

void Section::finish() {
  if (!exists()) return;
  for (const Node& value : table_->children) {
    if (std::ranges::find(known_, value.key) != known_.end()) continue;
    std::string message = "unknown key";
    const std::string_view meant = closest(value.key, known_);
    if (!meant.empty()) {
      message += fmt::format(", did you mean \"{}\"?", meant);
    } else {
      message += fmt::format(", expected one of {}", fmt::join(known_, ", "));
    }
    problems_->add(value.key_position, key_of(value.key), std::move(message));
  }
}

}  // namespace config
