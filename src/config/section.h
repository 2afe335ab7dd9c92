#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"

namespace config {

/// Gathers the mistakes of one file.
class Problems {
 public:
  explicit Problems(std::string_view file_name) : file_name_(file_name) {}

  void add(Position position, std::string key, std::string message);
  /// In another file, which the configuration names. Line 0: the file as a whole.
  void add_in(std::string file, std::size_t line, std::string message);
  [[nodiscard]] bool empty() const { return mistakes_.empty(); }
  /// In the order of the file; behind them those of other files.
  [[nodiscard]] std::vector<Mistake> take();

 private:
  std::string file_name_;
  std::vector<Mistake> mistakes_;
};

template <class T>
struct Bounds {
  T min;
  T max;
};

/// One value that a key may have. Without `value` it is known, but not supported yet.
template <class Value>
struct Choice {
  std::string_view name;
  std::optional<Value> value;
};

/// A string and where it stands.
struct Text {
  std::string value;
  Position position;
  std::string key;
};

/// One table of the file, or its absence. Each function names a key that the table may have; what
/// none of them has named by finish() is an unknown key. A wrong value is reported, and then `out`
/// stays as it was, as it does when the key is absent.
class Section {
 public:
  /// `table` may be nullptr. All must outlive the section.
  Section(const Node* table, std::string path, Problems& problems)
      : table_(table), path_(std::move(path)), problems_(&problems) {}

  /// Any string without controls.
  [[nodiscard]] std::optional<Text> text(std::string_view name);
  /// The same, but an empty one counts as absent.
  [[nodiscard]] std::optional<Text> filled_text(std::string_view name);
  /// The same, but its absence, or emptiness, is a mistake. `expected`: "expected an address".
  [[nodiscard]] std::optional<Text> required_text(std::string_view name, std::string_view expected);
  [[nodiscard]] std::vector<Text> texts(std::string_view name);
  /// The same, but its absence, or emptiness, is a mistake.
  [[nodiscard]] std::vector<Text> required_texts(std::string_view name, std::string_view expected);

  void boolean(std::string_view name, bool& out);
  void count(std::string_view name, Bounds<std::size_t> bounds, std::size_t& out);
  void duration(std::string_view name, Bounds<base::Duration> bounds, base::Duration& out);
  void size(std::string_view name, Bounds<std::uint64_t> bounds, std::uint64_t& out);
  /// One element of a list of durations.
  [[nodiscard]] std::optional<base::Duration> to_duration(const Text& text,
                                                          Bounds<base::Duration> bounds);

  template <class Value, std::size_t count>
  void choice(std::string_view name, const Choice<Value> (&choices)[count], Value& out);

  /// A value of any kind, as it stands; nullptr: it is absent.
  [[nodiscard]] const Node* node(std::string_view name) { return look_up(name); }
  [[nodiscard]] Section table(std::string_view name);
  /// `[[name]]`.
  [[nodiscard]] std::vector<Section> tables(std::string_view name);

  /// Reports a key that is not built yet unless it is absent, false, or an empty string, array or
  /// table.
  void not_supported_yet(std::string_view name);

  void fail(const Text& text, std::string message) {
    problems_->add(text.position, text.key, std::move(message));
  }
  /// At the value of a key that was given, else at the table.
  void fail_at(std::string_view name, std::string message);
  /// At the table itself.
  void fail(std::string message) { problems_->add(position(), path_, std::move(message)); }

  /// In another file, which the table names. Line 0: the file as a whole.
  void fail_in(std::string file, std::size_t line, std::string message) {
    problems_->add_in(std::move(file), line, std::move(message));
  }

  /// Reports unknown keys.
  void finish();

  [[nodiscard]] bool has(std::string_view name) const {
    return exists() && table_->find(name) != nullptr;
  }
  /// Neither absent nor empty; of whatever kind.
  [[nodiscard]] bool has_filled(std::string_view name) const;
  [[nodiscard]] bool exists() const { return table_ != nullptr; }
  [[nodiscard]] Position position() const { return exists() ? table_->position : Position{}; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  /// Marks the key as known; nullptr if it is absent.
  const Node* look_up(std::string_view name);
  /// The same, and reports values of another kind.
  const Node* look_up(std::string_view name, Node::Kind kind, std::string_view expected);
  [[nodiscard]] std::string key_of(std::string_view name) const;
  void fail_kind(const Node& node, std::string key, std::string_view expected);
  [[nodiscard]] std::optional<Text> checked(const Node& node, std::string key);
  void fail_choice(const Text& text, std::vector<std::string_view> names, bool known);

  const Node* table_;
  std::string path_;
  Problems* problems_;
  std::vector<std::string_view> known_;  ///< Refers to literals.
};

template <class Value, std::size_t count>
void Section::choice(std::string_view name, const Choice<Value> (&choices)[count], Value& out) {
  const std::optional<Text> given = text(name);
  if (!given) return;
  std::vector<std::string_view> names;
  bool known = false;
  for (const Choice<Value>& choice : choices) {
    if (choice.name == given->value && choice.value) {
      out = *choice.value;
      return;
    }
    known |= choice.name == given->value;
    names.push_back(choice.name);
  }
  fail_choice(*given, std::move(names), known);
}

}  // namespace config
