#include "cli/sendmail_arguments.h"

#include <string_view>

namespace cli {
namespace {

using Done = std::expected<void, std::string>;

std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0.
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  std::expected<SendmailOptions, std::string> parse(std::string_view name) {
    if (name == "mailq") options_.mode = SendmailMode::print_queue;
    if (name == "newaliases") options_.mode = SendmailMode::nothing;
    for (; at_ < arguments_.size(); ++at_) {
      const std::string& word = arguments_[at_];
      if (word == "--") {
        options_.recipients.insert(options_.recipients.end(), arguments_.begin() + at_ + 1,
                                   arguments_.end());
        break;
      }
      const Done done = word.starts_with("--") ? take_long(word)
                        : word.size() > 1 && word[0] == '-'
                            ? take_flags(std::string_view(word).substr(1))
                            : take_recipient(word);
      if (!done) return std::unexpected(done.error());
    }
    return options_;
  }

 private:
  Done take_recipient(const std::string& word) {
    options_.recipients.push_back(word);
    return {};
  }

  /// Ours, and not the family's.
  Done take_long(std::string_view word) {
    constexpr std::string_view config = "--config";
    if (word == config) return take_value("", &options_.config);
    if (word.starts_with(config) && word[config.size()] == '=') {
      options_.config = word.substr(config.size() + 1);
      return {};
    }
    return std::unexpected("no such flag: " + std::string(word));
  }

  /// The letters of one word, as getopt(3) reads them.
  Done take_flags(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      switch (letter) {
        case 't': options_.recipients_from_header = true; break;
        case 'i': options_.dot_ends = false; break;
        case 'v': options_.verbose = true; break;
        case 'I': options_.mode = SendmailMode::nothing; break;
        case 'q':  // -q, -q30m, -qI…: we run the whole queue, once.
          options_.mode = SendmailMode::run_queue;
          return {};
        case 'b': return take_mode(letters);
        case 'o': return take_old_option(letters);
        case 'f':
        case 'r': return take_value(letters, &options_.from.emplace());
        case 'F': return take_value(letters, &options_.full_name);
        case 'C': return take_value(letters, &options_.config);
        case 'N': return take_value(letters, &options_.notify);
        case 'R': return take_value(letters, &options_.ret);
        case 'V': return take_value(letters, &options_.envid);
        case 'A':  // -Ac, -Am: which configuration of theirs.
        case 'd': return {};
        case 'B':
        case 'D':
        case 'e':
        case 'h':
        case 'L':
        case 'M':
        case 'O':
        case 'p':
        case 'X': return take_value(letters, nullptr);
        case 'G':
        case 'm':
        case 'n':
        case 's':
        case 'T':
        case 'U': break;
        default: return {};  // Of a relative that we do not know: with all that is attached.
      }
    }
    return {};
  }

  /// What is attached, or the next word. Nullptr: it has no meaning here.
  Done take_value(std::string_view attached, std::string* value) {
    std::string found(attached);
    if (attached.empty()) {
      if (at_ + 1 >= arguments_.size()) {
        return std::unexpected(arguments_[at_] + ": expected a value");
      }
      found = arguments_[++at_];
    }
    if (value != nullptr) *value = std::move(found);
    return {};
  }

  Done take_mode(std::string_view attached) {
    std::string mode;
    if (const Done done = take_value(attached, &mode); !done) return done;
    if (mode == "m") {
      options_.mode = SendmailMode::deliver;
    } else if (mode == "s") {
      options_.mode = SendmailMode::smtp;
    } else if (mode == "p") {
      options_.mode = SendmailMode::print_queue;
    } else if (mode == "i") {
      options_.mode = SendmailMode::nothing;
    } else {
      return std::unexpected("-b" + mode + ": not here; the server is `posthaste serve`");
    }
    return {};
  }

  Done take_old_option(std::string_view attached) {
    std::string option;
    if (const Done done = take_value(attached, &option); !done) return done;
    if (option == "i") options_.dot_ends = false;
    return {};
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  SendmailOptions options_;
};

}  // namespace

bool is_sendmail_name(const std::string& program) {
  const std::string_view name = file_name(program);
  return name == "sendmail" || name == "mailq" || name == "newaliases";
}

std::expected<SendmailOptions, std::string> parse_sendmail(
    const std::string& program, const std::vector<std::string>& arguments) {
  return Parser(arguments).parse(file_name(program));
}

}  // namespace cli
