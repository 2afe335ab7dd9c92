#include "sim/programs.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/group.h"
#include "sim/world.h"

namespace sim {
namespace {

using namespace std::chrono_literals;
using base::Io;
using base::IoErrorCode;
using How = sys::ProgramEnd::How;

class OneText final : public sys::ProgramInput {
 public:
  explicit OneText(Io<std::string_view> text) : text_(text) {}
  Io<std::string_view> next() override { return std::exchange(text_, std::string_view()); }

 private:
  Io<std::string_view> text_;
};

base::Task<> run_into(SimPrograms& programs, sys::Program program, Io<std::string_view> text,
                      std::optional<Io<sys::ProgramEnd>>& out) {
  OneText input(text);
  out = co_await sys::run(programs, program, input);
}

class SimProgramsTest : public testing::Test {
 protected:
  SimProgramsTest() {
    programs_.install("store", [](const SimPrograms::Call& call) -> SimPrograms::Ending {
      return {{How::exited, 3, "got " + call.input}, 2s};
    });
  }
  void start(std::vector<std::string> arguments, base::Duration time_max = 1min,
             Io<std::string_view> text = "octets") {
    loop_.enter([&] {
      group_.spawn(run_into(
          programs_,
          {.arguments = std::move(arguments), .time_max = time_max, .output_octets_max = 7}, text,
          out_));
    });
  }
  void finish() {
    EXPECT_EQ(world_.run_while([this] { return group_.size() > 0; }, 1h), Ran::done);
  }

  World world_{1};
  Machine& machine_ = world_.make_machine("a.test", {"192.0.2.1"});
  SimLoop& loop_ = machine_.make_loop("main");
  SimPrograms& programs_ = machine_.programs();
  std::optional<Io<sys::ProgramEnd>> out_;
  base::Group group_;
};

TEST_F(SimProgramsTest, the_script_decides) {
  const base::Instant before = world_.now();
  start({"store", "-x"});
  finish();
  ASSERT_TRUE(out_->has_value());
  EXPECT_EQ((*out_)->number, 3);
  EXPECT_EQ((*out_)->output, "got oct");
  EXPECT_GE(world_.now() - before, 2s);
  ASSERT_EQ(programs_.calls().size(), 1u);
  EXPECT_EQ(programs_.calls()[0].arguments, (std::vector<std::string>{"store", "-x"}));
  EXPECT_EQ(programs_.calls()[0].input, "octets");
}

TEST_F(SimProgramsTest, others_are_not_found) {
  start({"/bin/store"});
  finish();
  EXPECT_EQ(out_->error().code, IoErrorCode::not_found);
}

TEST_F(SimProgramsTest, one_that_takes_too_long_has_no_effect) {
  start({"store"}, 1999ms);
  finish();
  ASSERT_TRUE(out_->has_value());
  EXPECT_EQ((*out_)->how, How::timed_out);
  EXPECT_TRUE(programs_.calls().empty());
}

TEST_F(SimProgramsTest, input_that_fails_is_no_call) {
  start({"store"}, 1min, base::io_error(IoErrorCode::failed, 5));
  finish();
  EXPECT_EQ(out_->error().code, IoErrorCode::failed);
  EXPECT_TRUE(programs_.calls().empty());
}

TEST_F(SimProgramsTest, cancelled_by_its_caller_or_by_the_end_of_the_machine) {
  std::size_t with_effect = 0;
  for (int i = 0; i < 40; ++i) {
    start({"store"});
    EXPECT_EQ(world_.run_for(1s), Ran::done);
    const std::size_t before = programs_.calls().size();
    if (i % 2 == 0) {
      loop_.enter([this] { group_.cancel(); });
      finish();
    } else {
      machine_.stop(Stop::kill);
      finish();
      start({"store"});
      finish();
      EXPECT_EQ(out_->error().code, IoErrorCode::cancelled) << "a machine that has stopped";
      machine_.restart();
    }
    EXPECT_EQ(out_->error().code, IoErrorCode::cancelled);
    with_effect += programs_.calls().size() - before;
  }
  EXPECT_GT(with_effect, 0u);  // Nobody can know.
  EXPECT_LT(with_effect, 40u);
  EXPECT_EQ(programs_.running(), 0u);
}

}  // namespace
}  // namespace sim
