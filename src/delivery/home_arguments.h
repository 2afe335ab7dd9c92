#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a process of a system user is told that delivers one message into the home it starts in. The
// message comes on its standard input in blocks (home_block()), so that one that was cut short is
// never taken for the whole.
namespace delivery {

struct HomeArguments {
  std::string target;     ///< "maildir:~/Maildir" or "mbox:~/mail/inbox", as configured.
  std::string name;       ///< As MaildirItem::unique_name.
  std::string separator;  ///< As MboxItem::separator.
  bool repeated = false;  ///< An earlier attempt may have gone some way.
  friend bool operator==(const HomeArguments&, const HomeArguments&) = default;
};

[[nodiscard]] std::vector<std::string> home_arguments(const HomeArguments& arguments);
/// Nullopt: no such delivery is possible. What comes out is safe whoever made the arguments: no
/// path leaves the home but by what its owner has put there, the name is a file name.
[[nodiscard]] std::optional<HomeArguments> parse_home_arguments(
    std::span<const std::string> arguments);

/// One block of the message, as it stands on standard input; an empty one ends it.
[[nodiscard]] std::string home_block(std::string_view octets);

/// Takes the blocks apart.
class HomeBlocks {
 public:
  /// Appends what of the message is in `octets` to `out`. False: that is none.
  [[nodiscard]] bool take(std::string_view octets, std::string& out);
  /// The end has been seen.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  std::string head_;
  std::size_t missing_ = 0;  ///< Octets of the block.
  bool ended_ = false;
};

}  // namespace delivery
