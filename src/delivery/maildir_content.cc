#include "delivery/maildir_content.h"

#include <algorithm>
#include <utility>

namespace delivery {

bool LfContent::next(std::string& block) {
  block.clear();
  while (piece_ < pieces_.size() && block.size() < block_octets) {
    const std::string_view rest = pieces_[piece_].substr(offset_);
    if (rest.empty()) {
      ++piece_;
      offset_ = 0;
      continue;
    }
    if (std::exchange(held_cr_, false) && rest.front() != '\n') block += '\r';
    const std::string_view run = rest.substr(0, std::min(rest.find('\r'), block_octets));
    block += run;
    offset_ += run.size();
    held_cr_ = run.size() < rest.size() && rest[run.size()] == '\r';
    if (held_cr_) ++offset_;
  }
  if (piece_ == pieces_.size() && std::exchange(held_cr_, false)) block += '\r';
  return !block.empty();
}

}  // namespace delivery
