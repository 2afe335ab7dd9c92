#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "spool/spool.h"
#include "spool/types.h"

namespace delivery {

/// One message as an attempt needs it.
struct Letter {
  base::MessageId id;
  std::shared_ptr<const spool::Envelope> envelope;
  std::vector<spool::RecipientStatus> statuses;  ///< One for each recipient of the envelope.
  std::uint64_t size = 0;
  /// The content, if it is still at hand from its acceptance; else it is read from the spool.
  std::shared_ptr<const std::vector<std::string_view>> content;
};

/// From the acceptance: nothing has been tried yet.
[[nodiscard]] Letter letter_of(const spool::StoredMessage& message);
[[nodiscard]] base::Io<Letter> load_letter(spool::Spool& spool, base::MessageId id);

/// The content of a letter, from the start, in pieces.
class LetterContent {
 public:
  LetterContent(spool::Spool& spool, const Letter& letter) : spool_(spool), letter_(letter) {}

  /// The next pieces, valid until the next call; none at the end. After an error what was read so
  /// far must not be completed: the content is damaged or unreadable.
  [[nodiscard]] base::Io<std::span<const std::string_view>> next();
  /// Nothing comes after what next() has given.
  [[nodiscard]] bool at_end() const { return ended_; }

 private:
  static constexpr std::size_t block_octets = 128 * 1024;

  spool::Spool& spool_;
  const Letter& letter_;
  std::optional<spool::Spool::Reader> reader_;
  std::string block_;
  std::string_view piece_;
  bool ended_ = false;
};

}  // namespace delivery
