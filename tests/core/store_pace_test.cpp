#include "core/store_pace.hpp"

#include <doctest/doctest.h>

using namespace reelkeep;
using namespace std::chrono_literals;
using core::StorePace;

namespace {

const StorePace::Moment k_begin{};

void post(StorePace& pace, std::size_t count, StorePace::Work work = StorePace::Work::brief) {
  for (std::size_t i = 0; i < count; ++i) pace.posted(work);
}

/// Rounds of `count` short files, each of which lasts `took`.
void rounds(StorePace& pace, int rounds, std::size_t count, StorePace::Moment::duration took) {
  for (int i = 0; i < rounds; ++i) {
    post(pace, count);
    pace.begins(k_begin);
    pace.ends(count, 0, k_begin + took);
  }
}

}  // namespace

TEST_CASE("a short file waits as long as what is queued takes at the store's pace") {
  StorePace pace;
  CHECK(pace.wait(k_begin) == Duration(0));
  rounds(pace, 50, 64, 64ms);
  CHECK(pace.wait(k_begin) == Duration(0));
  post(pace, 500);
  CHECK(pace.wait(k_begin) == Duration(500));
  rounds(pace, 50, 10, 1s);
  CHECK(*pace.wait(k_begin) > Duration(49'000));
}

TEST_CASE("a store that was not seen at work yet is taken for a slow one") {
  StorePace pace;
  post(pace, 100);
  CHECK(*pace.wait(k_begin) >= Duration(1000));
}

TEST_CASE("one slow round makes no slow store") {
  StorePace pace;
  rounds(pace, 50, 64, 64ms);
  rounds(pace, 1, 64, 640ms);
  post(pace, 100);
  CHECK(*pace.wait(k_begin) < Duration(1000));
}

TEST_CASE("a store that hangs keeps short files waiting, however few they are") {
  StorePace pace;
  rounds(pace, 50, 64, 1ms);
  post(pace, 1);
  pace.begins(k_begin);
  CHECK(*pace.wait(k_begin + 5s) >= Duration(5000));
  pace.ends(1, 0, k_begin + 5s);
  CHECK(pace.wait(k_begin + 6s) == Duration(0));
}

TEST_CASE("nobody knows how long what may take hours takes") {
  StorePace pace;
  rounds(pace, 50, 64, 64ms);
  post(pace, 1, StorePace::Work::lengthy);
  post(pace, 10);
  CHECK_FALSE(pace.wait(k_begin));
  pace.begins(k_begin);
  pace.ends(10, 1, k_begin + 1h);
  CHECK(pace.wait(k_begin) == Duration(0));
  post(pace, 100);
  CHECK_MESSAGE(*pace.wait(k_begin) == Duration(100), "it says nothing of short files");
}
