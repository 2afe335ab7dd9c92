#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace sys {
class Disk;
}

// Maildir: each message a file, written in tmp/, renamed to new/ when it is whole.
namespace delivery {

/// One message for one mailbox.
struct MaildirItem {
  std::string directory;  ///< Of the mailbox; made when missing, also the folders above it.
  /// A safe file name that derives from message and recipient alone: a repeated delivery replaces
  /// the file of the first instead of adding one.
  std::string unique_name;
  /// The content with CRLF line ends, cut anywhere; stored with LF. Must stay until the batch ends.
  std::vector<std::string_view> pieces;
};

/// Delivers the items side by side; one result for each, in their order. Success means that the
/// file is on stable storage under its name in new/. What fails leaves nothing in tmp/ (but for a
/// crash) and does not hinder the others.
///
/// Blocks for as long as the disk does: to be run on a loop that may wait. `disk` must outlive it.
[[nodiscard]] base::Task<std::vector<base::Io<>>> deliver_batch(sys::Disk& disk,
                                                                std::vector<MaildirItem> items);

/// Of one component of a path, in octets: what Linux' file systems take.
inline constexpr std::size_t file_name_octets_max = 255;

/// A template such as `/var/mail/{domain}/{local}` with the names filled in. Each stays one
/// component of the path: what is no safe file name is encoded (encoded_component()). Nullopt when
/// an encoded name has more than file_name_octets_max octets: there can be no such mailbox.
[[nodiscard]] std::optional<std::string> mailbox_directory(std::string_view pattern,
                                                           std::string_view local_part,
                                                           std::string_view domain);

/// `name` as a file name: '/', '%', controls, DEL, octets that are not UTF-8 and a dot in front
/// become `%2F`. One-to-one, so that two mailboxes never share a folder. `name` is not empty.
[[nodiscard]] std::string encoded_component(std::string_view name);

}  // namespace delivery
