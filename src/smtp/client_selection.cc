#include "smtp/client_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/ascii.h"

namespace smtp {
namespace {

[[nodiscard]] Reply no_smtputf8() {  // [RFC6531 3.2]
  return {550, EnhancedStatus{5, 6, 7}, "next hop does not offer SMTPUTF8"};
}

/// Of a printed path: what stands behind the last `@`, in one spelling.
[[nodiscard]] std::string domain_of(std::string_view path) {
  return base::lower(path.substr(std::min(path.rfind('@'), path.size())));
}

/// Counts what LIMITS count.
class Room {
 public:
  explicit Room(const Capabilities& peer) : peer_(peer) {}

  [[nodiscard]] bool take(std::string_view path) {
    if (peer_.recipients_max && taken_ >= *peer_.recipients_max) return false;
    if (peer_.domains_max) {
      std::string domain = domain_of(path);
      if (!domains_.contains(domain)) {
        if (domains_.size() >= *peer_.domains_max) return false;
        domains_.insert(std::move(domain));
      }
    }
    ++taken_;
    return true;
  }

 private:
  const Capabilities& peer_;
  std::size_t taken_ = 0;
  std::set<std::string> domains_;
};

}  // namespace

std::optional<Reply> refusal_for(const Transaction& transaction, const Capabilities& peer) {
  if (transaction.needs_smtputf8 && !peer.smtputf8) return no_smtputf8();
  if (transaction.eight_bit && !peer.eight_bit_mime) {  // [RFC6152 3]
    return Reply{554, EnhancedStatus{5, 6, 3}, "next hop does not offer 8BITMIME"};
  }
  if (peer.size_octets_max && transaction.size > *peer.size_octets_max) {  // [RFC1870 6.1]
    return Reply{552, EnhancedStatus{5, 3, 4},
                 fmt::format("message of {} octets, next hop takes {}", transaction.size,
                             *peer.size_octets_max)};
  }
  return std::nullopt;
}

Selection select_recipients(const Transaction& transaction, const Capabilities& peer) {
  Selection out;
  out.smtputf8 = transaction.needs_smtputf8;
  out.results.resize(transaction.forward_paths.size());
  ReplyPointer refusal;
  Room room(peer);
  for (std::size_t i = 0; i < transaction.forward_paths.size(); ++i) {
    const std::string& path = transaction.forward_paths[i];
    const bool ascii = base::is_ascii(path);
    if (!ascii && !peer.smtputf8) {
      if (!refusal) refusal = std::make_shared<const Reply>(no_smtputf8());
      out.results[i] = {Verdict::refused_here, Stage::rcpt, refusal};
    } else if (!transaction.all_or_nothing && !room.take(path)) {
      out.results[i] = {Verdict::another_transaction, Stage::rcpt, nullptr};
    } else {
      out.smtputf8 = out.smtputf8 || !ascii;
      out.asked.push_back(i);
    }
  }
  if (transaction.all_or_nothing && refusal) {
    for (const std::size_t i : out.asked) {
      out.results[i] = {Verdict::abandoned, Stage::rcpt, nullptr};
    }
    out.asked.clear();
  }
  return out;
}

}  // namespace smtp
