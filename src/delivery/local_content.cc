#include "delivery/local_content.h"

#include "delivery/local_target.h"
#include "grammar/header.h"

namespace delivery {

std::vector<std::string_view> without_return_path(std::string_view head) {
  std::vector<std::string_view> out;
  std::size_t kept_from = 0;
  grammar::HeaderFields fields(head);
  while (const auto field = fields.next()) {
    if (!field->is("Return-Path")) continue;
    const auto begin = static_cast<std::size_t>(field->whole.data() - head.data());
    if (begin > kept_from) out.push_back(head.substr(kept_from, begin - kept_from));
    kept_from = begin + field->whole.size();
  }
  out.push_back(head.substr(kept_from));
  return out;
}

bool LocalContents::read(Parcel& parcel) {
  std::string& text = texts_.emplace_back();
  LetterContent content(spool_, parcel.letter);
  for (;;) {
    const auto pieces = content.next();
    if (!pieces) {
      texts_.pop_back();
      parcel.conclude(dsn::Outcome::deferred, "the content cannot be read", "4.3.0");
      parcel.targets.clear();
      return false;
    }
    if (pieces->empty()) break;
    for (const std::string_view piece : *pieces) text += piece;
  }
  last_ = without_return_path(text);
  return true;
}

std::vector<std::string_view> LocalContents::pieces(const Parcel& parcel,
                                                    const LocalTarget& target) {
  std::vector<std::string_view> out{texts_.emplace_back(final_fields(parcel, target))};
  out.insert(out.end(), last_.begin(), last_.end());
  return out;
}

}  // namespace delivery
