#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/content.h"
#include "sim/rng.h"

namespace sim {

/// A file or a folder (an inode).
struct Node {
  using Entries = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  bool is_directory = false;
  Content content;
  std::uint64_t charged = 0;  ///< In octets of the disk's capacity.
  unsigned links = 0;         ///< Names that reads show.
  unsigned handles = 0;       ///< Open files.
  const void* lock_holder = nullptr;
  Entries entries;  ///< What reads show.
  Entries durable;  ///< What a power cut leaves for sure.
};

/// A name, by the folder that holds it.
struct Entry {
  std::shared_ptr<Node> folder;
  std::string name;
};

/// The tree of names, and the changes to it that are not durable yet.
///
/// A power cut keeps any subset of these changes that makes sense: a name is made only where none
/// is, and moved or taken away only where it leads to the file in question.
class Names {
 public:
  Names();

  /// Nullptr: no such name.
  [[nodiscard]] std::shared_ptr<Node> find(std::string_view path) const;
  /// Where `path` is or would be; its folder is nullptr when that is missing or no folder, and for
  /// the root.
  [[nodiscard]] Entry locate(std::string_view path) const;
  [[nodiscard]] const std::shared_ptr<Node>& root() const { return root_; }

  void link(const Entry& at, std::shared_ptr<Node> node);
  void unlink(const Entry& at);
  /// Replaces what stands at `to`.
  void rename(const Entry& from, const Entry& to);

  [[nodiscard]] std::uint64_t changes() const { return next_ordinal_; }
  /// A sync of `folder` has succeeded.
  void settle(const Node& folder, std::uint64_t before_change);
  /// It has failed: each change is durable or doomed.
  void doom_some(const Node& folder, std::uint64_t before_change, Rng& rng);
  /// The system made some changes durable on its own.
  void settle_some(Rng& rng);
  void settle_all();
  void power_cut(Rng& rng);

 private:
  enum class Kind : std::uint8_t { link, unlink, rename };
  struct Change {
    Kind kind;
    std::uint64_t ordinal;
    std::shared_ptr<Node> node;
    Entry from;  ///< Of unlink and rename.
    Entry to;    ///< Of link and rename.
  };

  [[nodiscard]] static const Node* home(const Change& change);
  static void apply(const Change& change);
  /// Applies the change if the durable names allow it.
  void apply_if_sane(const Change& change) const;
  [[nodiscard]] bool is_durable_anywhere(const Node& node) const;
  /// The changes that must become durable when `folder` is synced, as a mark for each pending one.
  [[nodiscard]] std::vector<bool> closure(const Node& folder, std::uint64_t before_change) const;
  void rebuild(Node& folder);

  std::shared_ptr<Node> root_;
  std::vector<Change> pending_;
  std::uint64_t next_ordinal_ = 0;
};

}  // namespace sim
