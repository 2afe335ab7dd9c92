#pragma once

#include <string>

#include "delivery/local_kind.h"

namespace delivery {

/// Works out where the copies of a parcel go; with `must_exist` those for mailboxes that are no
/// more are concluded: 550 5.1.1.
void find_targets(Parcel& parcel, const Settings& settings, bool must_exist);

/// What final delivery puts before everything else, with CRLF line ends:
///
///     Return-Path: <reverse-path>      [RFC5321 4.4]
///     Delivered-To: mailbox
[[nodiscard]] std::string final_fields(const Parcel& parcel, const LocalTarget& target);

}  // namespace delivery
