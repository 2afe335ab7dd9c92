#include "delivery/maildir_content.h"

#include <algorithm>
#include <utility>

namespace delivery {

void LfStream::convert(std::string_view octets, std::string& out) {
  while (!octets.empty()) {
    if (std::exchange(held_cr_, false) && octets.front() != '\n') out += '\r';
    const std::string_view run = octets.substr(0, octets.find('\r'));
    out += run;
    held_cr_ = run.size() < octets.size();
    octets.remove_prefix(run.size() + (held_cr_ ? 1 : 0));
  }
}

void LfStream::finish(std::string& out) {
  if (std::exchange(held_cr_, false)) out += '\r';
}

bool LfContent::next(std::string& block) {
  block.clear();
  while (piece_ < pieces_.size() && block.size() < block_octets) {
    const std::string_view rest = pieces_[piece_].substr(offset_);
    const std::string_view run = rest.substr(0, block_octets - 1);
    stream_.convert(run, block);
    offset_ += run.size();
    if (run.size() < rest.size()) continue;
    ++piece_;
    offset_ = 0;
  }
  if (piece_ == pieces_.size()) stream_.finish(block);
  return !block.empty();
}

}  // namespace delivery
