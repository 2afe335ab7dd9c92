#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lab {

/// What a mail client would find in a file of a mailbox: that of a Maildir is one message, an mbox
/// has several, between From_ lines. Lines end in LF; `take` gets them in CRLF, and whom the first
/// Delivered-To field names (empty: there is none).
void read_mailbox_file(
    std::string_view octets,
    const std::function<void(const std::string& recipient, const std::string& content)>& take);

}  // namespace lab
