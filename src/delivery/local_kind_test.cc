#include "delivery/local_kind.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace delivery {
namespace {

struct StoredCase {
  const char* name;
  base::Io<> stored;
  dsn::Outcome outcome;
  std::string reply;
};

TEST(local_kind, what_the_disk_says_to_the_originator) {
  using dsn::Outcome;
  const auto failed = [](int error) {
    return base::Io<>(std::unexpected(base::from_errno(error)));
  };
  const StoredCase cases[] = {
      {"stored", {}, Outcome::delivered, "250 2.0.0 delivered"},
      {"a quota", failed(EDQUOT), Outcome::deferred,
       "452 4.2.2 the mailbox is full: disk quota exceeded"},
      {"a full disk", failed(ENOSPC), Outcome::deferred,
       "452 4.2.2 the mailbox is full: no space left"},
      {"a file too large", failed(EFBIG), Outcome::deferred,
       "452 4.2.2 the mailbox is full: no space left"},
      {"no permission", failed(EACCES), Outcome::deferred, "permission denied"},
      {"a broken disk", failed(EIO), Outcome::deferred, "Input/output error"},
  };
  for (const StoredCase& row : cases) {
    Parcel parcel;
    parcel.conclude(LocalTarget{.recipient = 3}, row.stored);
    ASSERT_EQ(parcel.results.size(), 1u) << row.name;
    EXPECT_EQ(parcel.results[0].recipient, 3u) << row.name;
    EXPECT_EQ(parcel.results[0].outcome, row.outcome) << row.name;
    EXPECT_EQ(parcel.results[0].reply, row.reply) << row.name;
  }
}

}  // namespace
}  // namespace delivery
