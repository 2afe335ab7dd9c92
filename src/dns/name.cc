#include "dns/name.h"

#include <algorithm>

#include "base/ascii.h"

namespace dns {

std::optional<Name> Name::parse(std::string_view text) {
  Name name;
  if (text == ".") return name;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > name_octets_max) return std::nullopt;
  std::size_t label = 0;
  for (const char c : text) {
    if (base::is_control(c)) return std::nullopt;
    if (c != '.') {
      if (++label > label_octets_max) return std::nullopt;
    } else {
      if (label == 0) return std::nullopt;
      label = 0;
    }
  }
  if (label == 0) return std::nullopt;
  name.text_ = base::lower(text);
  return name;
}

bool Name::is_within(const Name& parent) const {
  if (parent.is_root() || text_ == parent.text_) return true;
  return text_.size() > parent.text_.size() && text_.ends_with(parent.text_) &&
         text_[text_.size() - parent.text_.size() - 1] == '.';
}

Name Name::parent() const {
  Name name;
  const std::size_t dot = text_.find('.');
  if (dot != std::string::npos) name.text_ = text_.substr(dot + 1);
  return name;
}

}  // namespace dns
