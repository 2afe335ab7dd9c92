#include "delivery/pipe_input.h"

#include <utility>

#include "delivery/local_content.h"
#include "grammar/header.h"

namespace delivery {

using base::Io;

PipeInput::PipeInput(spool::Spool& spool, const Letter& letter, std::string fields)
    : content_(spool, letter), fields_(std::move(fields)) {}

Io<std::string_view> PipeInput::next() {
  block_.clear();
  Io<> read;
  if (!std::exchange(begun_, true)) {
    read = add_header_section();
  } else {
    while (read && block_.empty() && !ended_) {
      raw_.clear();
      read = add_block(raw_);
      stream_.convert(raw_, block_);
      if (ended_) stream_.finish(block_);
    }
  }
  failed_ = !read;
  if (!read) return std::unexpected(read.error());
  return block_;
}

Io<> PipeInput::add_header_section() {
  std::string head;
  while (!ended_ && head.size() < header_octets_max && !grammar::find_header_end(head)) {
    if (const Io<> read = add_block(head); !read) return read;
  }
  stream_.convert(fields_, block_);
  for (const std::string_view piece : without_return_path(head)) stream_.convert(piece, block_);
  if (ended_) stream_.finish(block_);
  return {};
}

Io<> PipeInput::add_block(std::string& to) {
  const auto pieces = content_.next();
  if (!pieces) return std::unexpected(pieces.error());
  ended_ = pieces->empty();
  for (const std::string_view piece : *pieces) to += piece;
  return {};
}

}  // namespace delivery
