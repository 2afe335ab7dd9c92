#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/local_kind.h"

namespace delivery {

/// The pieces of `head` without its Return-Path fields: earlier ones do not belong to this delivery
/// [RFC5321 4.4]. `head`: a content, or what of it has the whole header section.
[[nodiscard]] std::vector<std::string_view> without_return_path(std::string_view head);

/// The contents of a batch in memory.
class LocalContents {
 public:
  explicit LocalContents(spool::Spool& spool) : spool_(spool) {}
  LocalContents(const LocalContents&) = delete;
  LocalContents& operator=(const LocalContents&) = delete;

  /// Reads the content of a parcel. False: that cannot be; its targets are concluded and gone.
  [[nodiscard]] bool read(Parcel& parcel);
  /// What goes to one target of the parcel that was read last: CRLF line ends. Lives as long as
  /// this.
  [[nodiscard]] std::vector<std::string_view> pieces(const Parcel& parcel,
                                                     const LocalTarget& target);

 private:
  spool::Spool& spool_;
  std::list<std::string> texts_;
  std::vector<std::string_view> last_;
};

}  // namespace delivery
