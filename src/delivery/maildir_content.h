#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace delivery {

/// Makes LF line ends of CRLF, wherever the octets are cut. A CR that no LF follows and an LF alone
/// stay as they are.
class LfStream {
 public:
  /// Appends what `octets` become to `out`: at most one octet more than they are.
  void convert(std::string_view octets, std::string& out);
  /// Nothing comes any more.
  void finish(std::string& out);

 private:
  bool held_cr_ = false;  ///< Taken, and not known yet whether an LF follows.
};

/// Content with LF line ends, made block by block of content with CRLF.
class LfContent {
 public:
  static constexpr std::size_t block_octets = 64 * 1'024;

  /// `pieces` and what they refer to must outlive it.
  explicit LfContent(const std::vector<std::string_view>& pieces) : pieces_(pieces) {}

  /// Puts the next octets into `block`: at least block_octets and at most twice as many, fewer only
  /// at the end. False when there is nothing left.
  [[nodiscard]] bool next(std::string& block);

 private:
  const std::vector<std::string_view>& pieces_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;  ///< In the piece.
  LfStream stream_;
};

}  // namespace delivery
