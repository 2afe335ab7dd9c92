#include "delivery/letter.h"

namespace delivery {

using base::Io;

Letter letter_of(const spool::StoredMessage& message) {
  return {message.id, message.envelope,
          std::vector<spool::RecipientStatus>(message.envelope->recipients.size()), message.size,
          message.content};
}

Io<Letter> load_letter(spool::Spool& spool, base::MessageId id) {
  Io<spool::LoadedMessage> loaded = spool.load(id);
  if (!loaded) return std::unexpected(loaded.error());
  return Letter{id, std::make_shared<const spool::Envelope>(std::move(loaded->envelope)),
                std::move(loaded->statuses), loaded->size, nullptr};
}

Io<std::span<const std::string_view>> LetterContent::next() {
  if (ended_) return std::span<const std::string_view>();
  if (letter_.content) {
    ended_ = true;
    return std::span<const std::string_view>(*letter_.content);
  }
  if (!reader_) {
    Io<spool::Spool::Reader> opened = spool_.read_content(letter_.id);
    if (!opened) return std::unexpected(opened.error());
    reader_.emplace(std::move(*opened));
    block_.resize(std::min<std::size_t>(block_octets, reader_->size() + 1));
  }
  std::size_t filled = 0;
  while (!ended_ && filled < block_.size()) {
    const Io<std::size_t> octets = reader_->read(std::span(block_).subspan(filled));
    if (!octets) return std::unexpected(octets.error());
    ended_ = *octets == 0;
    filled += *octets;
  }
  piece_ = std::string_view(block_).substr(0, filled);
  return std::span<const std::string_view>(&piece_, filled > 0 ? 1 : 0);
}

}  // namespace delivery
