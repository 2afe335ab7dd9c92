#include "config/document.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace config {
namespace {

Position position_of(const toml::source_region& region) {
  return {.line = region.begin.line, .column = region.begin.column};
}

// The parser bounds how deep values lie in each other, and so this recursion.
Node convert(const toml::node& from) {
  Node to{.position = position_of(from.source())};
  if (const auto* text = from.as_string()) {
    to.kind = Node::Kind::text;
    to.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    to.kind = Node::Kind::integer;
    to.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    to.kind = Node::Kind::boolean;
    to.boolean = boolean->get();
  } else if (const auto* array = from.as_array()) {
    to.kind = Node::Kind::array;
    for (const toml::node& element : *array) to.children.push_back(convert(element));
  } else if (const auto* table = from.as_table()) {
    to.kind = Node::Kind::table;
    for (const auto& [key, value] : *table) {
      Node& child = to.children.emplace_back(convert(value));
      child.key = key.str();
      child.key_position = position_of(key.source());
    }
  } else {
    to.kind = from.is_floating_point() ? Node::Kind::number : Node::Kind::date_time;
  }
  return to;
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  for (const Node& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::string_view describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::text: return "a string";
    case Node::Kind::integer: return "an integer";
    case Node::Kind::number: return "a floating-point number";
    case Node::Kind::boolean: return "a boolean";
    case Node::Kind::date_time: return "a date or time";
    case Node::Kind::array: return "an array";
    case Node::Kind::table: return "a table";
  }
  return "nothing";
}

std::expected<Node, Mistake> parse_document(std::string_view text, std::string_view file_name) {
  const toml::parse_result result = toml::parse(text, std::string_view());
  if (result) return convert(result.table());
  return std::unexpected(Mistake{.file = std::string(file_name),
                                 .position = position_of(result.error().source()),
                                 .key = {},
                                 .message = std::string(result.error().description())});
}

}  // namespace config
