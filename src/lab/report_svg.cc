#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/escape.h"
#include "lab/report.h"

namespace lab {
namespace {

using namespace std::chrono_literals;

// In the picture's units.
constexpr double left = 190, right = 30, top = 70, bottom = 80;
constexpr double width = 1'200;
constexpr double lane_height = 64;
/// Messages are drawn apart within their lanes, so that none hides another.
constexpr std::size_t tracks = 12;
constexpr double track_height = 3.5;

/// Text of anybody as the content of an element or attribute [XML 2.4].
std::string xml(std::string_view text) {
  std::string out;
  for (const char octet : base::escaped(text)) {
    switch (octet) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += octet;
    }
  }
  return out;
}

/// Between two marks of the time: so that there are at most 12.
base::Duration pick_mark(base::Duration whole) {
  static constexpr base::Duration marks[] = {100ms, 500ms, 1s, 5s, 10s, 30s, 1min, 5min,
                                             10min, 30min, 1h, 3h, 6h,  12h, 24h,  48h};
  for (const base::Duration mark : marks) {
    if (whole / mark <= 12) return mark;
  }
  return whole / 12;
}

std::string_view style() {
  return "<style>text{font:13px sans-serif;fill:#222}.title{font-size:18px}"
         ".lane{stroke:#ccc}.mark{stroke:#eee}.time{font-size:11px;fill:#666;text-anchor:middle}"
         ".wait{stroke-width:2;stroke-opacity:.55}.hop{stroke-width:1.3}"
         ".report{stroke-dasharray:5 3}.outage{fill:#c00;fill-opacity:.1}</style>\n";
}

class Picture {
 public:
  Picture(const Result& result, const ReportOptions& options) : result_(result), options_(options) {
    for (const std::string& name : result.machines) lanes_.emplace(name, lanes_.size());
    shown_ = std::min(result.journeys.size(), svg_journeys_max);
    for (std::size_t i = 0; i < shown_; ++i) {
      const auto& steps = result.journeys[i].steps;
      if (!steps.empty()) whole_ = std::max(whole_, steps.back().time);
    }
    height_ = top + lane_height * static_cast<double>(lanes_.size()) + bottom;
  }

  std::string draw() {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\">\n",
        width, height_);
    out_ += style();
    out_ +=
        fmt::format("<rect width=\"{:.0f}\" height=\"{:.0f}\" fill=\"#fff\"/>\n", width, height_);
    draw_frame();
    for (std::size_t i = 0; i < shown_; ++i) draw_journey(i);
    draw_legend();
    return std::move(out_) + "</svg>\n";
  }

 private:
  [[nodiscard]] double x(base::Duration time) const {
    return left + (width - left - right) * static_cast<double>(time.count()) /
                      static_cast<double>(whole_.count());
  }
  [[nodiscard]] double lane(std::size_t number) const {
    return top + lane_height * (static_cast<double>(number) + 0.5);
  }
  /// Where a message is in a machine's lane; nullopt: it has none.
  [[nodiscard]] std::optional<double> y(const std::string& machine, std::size_t message) const {
    const auto found = lanes_.find(machine);
    if (found == lanes_.end()) return std::nullopt;
    const auto track = static_cast<double>(message % tracks) - (tracks - 1) / 2.0;
    return lane(found->second) + track * track_height;
  }
  /// The same for the same message.
  [[nodiscard]] static std::string color(std::size_t message) {
    return fmt::format("hsl({},65%,40%)", message * 47 % 360);
  }

  void draw_frame();
  void draw_outages();
  void draw_journey(std::size_t number);
  void draw_waits(const Journey& journey, std::size_t number, bool report);
  void draw_step(const Step& step, std::size_t number);
  void draw_legend();

  const Result& result_;
  const ReportOptions& options_;
  std::map<std::string, std::size_t> lanes_;
  std::size_t shown_ = 0;
  base::Duration whole_ = 1ms;
  double height_ = 0;
  std::string out_;
};

void Picture::draw_frame() {
  out_ += fmt::format(
      "<text class=\"title\" x=\"20\" y=\"34\">{}, seed {}: {} sent, {} delivered, "
      "{} bounced, {} queued, {} lost</text>\n",
      xml(options_.file), options_.seed, result_.totals.sent, result_.totals.delivered,
      result_.totals.bounced, result_.totals.queued, result_.totals.lost);
  draw_outages();
  const double end = height_ - bottom;
  const base::Duration mark = pick_mark(whole_);
  for (base::Duration at{}; at <= whole_; at += mark) {
    std::string time = print_time(at);
    if (mark >= 1s) time.resize(time.find('.'));
    out_ += fmt::format(
        "<line class=\"mark\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
        "<text class=\"time\" x=\"{0:.1f}\" y=\"{3}\">{4}</text>\n",
        x(at), top, end, end + 16, time);
  }
  for (const auto& [name, number] : lanes_) {
    out_ += fmt::format(
        "<line class=\"lane\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"20\" y=\"{3:.1f}\">{4}</text>\n",
        left, width - right, lane(number), lane(number) + 4, xml(name));
  }
}

/// A server's in its lane, those of the DNS and of the network over all of them.
void Picture::draw_outages() {
  for (const Outage& outage : result_.outages) {
    if (outage.from >= whole_) continue;
    const auto found = lanes_.find(outage.names.front());
    const bool whole = outage.kind != Outage::Kind::server || found == lanes_.end();
    const double y1 = whole ? top - 14 : lane(found->second) - lane_height / 2;
    const double height = whole ? height_ - bottom - top + 14 : lane_height;
    std::string names;
    for (const std::string& name : outage.names) names += " " + xml(name);
    out_ += fmt::format(
        "<rect class=\"outage\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\"><title>{}{}</title></rect>\n",
        x(outage.from), y1, x(std::min(outage.to, whole_)) - x(outage.from), height,
        outage.kind == Outage::Kind::server ? "down:"
        : outage.kind == Outage::Kind::dns  ? "no DNS:"
                                            : "parted from all others:",
        names);
  }
}

void Picture::draw_journey(std::size_t number) {
  const Journey& journey = result_.journeys[number];
  out_ += fmt::format("<g stroke=\"{0}\" fill=\"{0}\">\n", color(number));
  draw_waits(journey, number, false);
  draw_waits(journey, number, true);
  for (const Step& step : journey.steps) draw_step(step, number);
  out_ += "</g>\n";
}

/// In each lane from the first thing that happened to it there to the last one.
void Picture::draw_waits(const Journey& journey, std::size_t number, bool report) {
  std::map<std::size_t, std::pair<const Step*, const Step*>> spans;
  for (const Step& step : journey.steps) {
    const auto found = lanes_.find(step.where);
    if (step.report != report || found == lanes_.end()) continue;
    spans.try_emplace(found->second, &step, &step).first->second.second = &step;
  }
  for (const auto& [lane_number, span] : spans) {
    if (span.first == span.second) continue;
    out_ += fmt::format(
        "<line class=\"wait{0}\" x1=\"{1:.1f}\" x2=\"{2:.1f}\" y1=\"{3:.1f}\" "
        "y2=\"{3:.1f}\"/>\n",
        report ? " report" : "", x(span.first->time), x(span.second->time),
        *y(span.first->where, number));
  }
}

void Picture::draw_step(const Step& step, std::size_t number) {
  const auto here = y(step.where, number);
  if (!here) return;
  const double at = x(step.time);
  const std::string title = fmt::format(
      "<title>{} {} {}{}{}</title>", print_time(step.time), xml(step.where), xml(step.what),
      step.to.empty() ? "" : " " + xml(step.to), step.text.empty() ? "" : ": " + xml(step.text));
  const auto there = step.host.empty() ? std::nullopt : y(step.host, number);
  const bool hops = step.what == "delivered" || step.what == "submitted";
  if (hops && there) {
    out_ += fmt::format(
        "<line class=\"hop{0}\" x1=\"{1:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" "
        "y2=\"{3:.1f}\">{4}</line>\n",
        step.report ? " report" : "", at, *here, *there, title);
  } else if (step.what == "delivered" || step.what == "kept") {
    out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" stroke=\"none\">{}</circle>\n",
                        at, *here, title);
  } else if (step.what == "bounced" || step.what == "expired" || step.what == "refused") {
    out_ += fmt::format(
        "<path d=\"M{0:.1f} {1:.1f}l8 8m0 -8l-8 8\" stroke=\"#c00\" "
        "stroke-width=\"2\">{2}</path>\n",
        at - 4, *here - 4, title);
  } else if (step.what == "deferred" || step.what == "unknown" || step.what == "waits") {
    out_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"#fff\">{}</circle>\n",
                        at, *here, title);
  }
}

void Picture::draw_legend() {
  const double y1 = height_ - 28;
  out_ += fmt::format(
      "<g stroke=\"#333\" fill=\"#333\">"
      "<line class=\"hop\" x1=\"24\" x2=\"24\" y1=\"{1}\" y2=\"{2}\"/>"
      "<circle cx=\"118\" cy=\"{0}\" r=\"4\" stroke=\"none\"/>"
      "<circle cx=\"258\" cy=\"{0}\" r=\"3.5\" fill=\"#fff\"/>"
      "<path d=\"M364 {3}l8 8m0 -8l-8 8\" stroke=\"#c00\" stroke-width=\"2\"/>"
      "<line class=\"hop report\" x1=\"480\" x2=\"510\" y1=\"{0}\" y2=\"{0}\"/></g>\n",
      y1, y1 - 8, y1 + 8, y1 - 4);
  out_ += fmt::format("<rect class=\"outage\" x=\"580\" y=\"{}\" width=\"22\" height=\"16\"/>\n",
                      y1 - 8);
  constexpr std::pair<double, std::string_view> words[] = {
      {34, "goes on"},  {128, "in a mailbox"}, {268, "try failed"},
      {380, "gave up"}, {518, "report"},       {608, "outage"}};
  for (const auto& [at, word] : words)
    out_ += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", at, y1 + 4, word);
  if (shown_ < result_.journeys.size()) {
    out_ += fmt::format("<text x=\"680\" y=\"{}\">the first {} of {} messages</text>\n", y1 + 4,
                        shown_, result_.journeys.size());
  }
}

}  // namespace

std::string to_svg(const Result& result, const ReportOptions& options) {
  return Picture(result, options).draw();
}

}  // namespace lab
