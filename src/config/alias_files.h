#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "config/load.h"
#include "directory/expansion.h"

namespace config {

/// Where an alias or user of a file of its own stands.
struct FilePlace {
  std::string file;
  std::size_t line = 0;  ///< Or the row.

  [[nodiscard]] std::string print() const { return file + ":" + std::to_string(line); }
};

struct FileAlias {
  directory::Alias alias;
  FilePlace place;
};

/// What one `[[alias_file]]` block and the files behind it say. Who is known here is for others to
/// check.
struct AliasFileBlock {
  Section section;
  std::vector<FileAlias> aliases;
};

/// The domains that are here; the first one is that of names without a domain. May be empty.
struct OurDomains {
  std::function<bool(const grammar::Domain&)> contains;
  grammar::Domain first;
};

/// Reads `[[alias_file]]`: files of sendmail's form and tables.
[[nodiscard]] std::vector<AliasFileBlock> read_alias_files(Section& root, const Loading& loading,
                                                           const OurDomains& ours);

/// Reads `[[user_file]]`: tables of addresses and verifiers. Each address once in all of them.
struct FileUser {
  directory::User user;
  FilePlace place;
};
[[nodiscard]] std::vector<FileUser> read_user_files(Section& root, const Loading& loading,
                                                    const OurDomains& ours);

/// The domain that names without one belong to: as given, or the first one. Reports what is none of
/// ours.
[[nodiscard]] grammar::Domain read_domain_of_names(Section& section, const OurDomains& ours);

}  // namespace config
