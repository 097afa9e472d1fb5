#include "reelkeep/base/result.hpp"

#include <doctest/doctest.h>
#include <memory>
#include <string>

using namespace reelkeep;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{Errc::invalid, "odd"};
  return number / 2;
}

Result<int> quarter(int number) {
  REELKEEP_ASSIGN(const int first, half(number));
  REELKEEP_ASSIGN(const int second, half(first));
  return second;
}

Status check_even(int number) {
  REELKEEP_TRY(half(number));
  return {};
}

}  // namespace

TEST_CASE("the macros hand the value on, or the first error") {
  CHECK(*quarter(8) == 2);
  CHECK(quarter(6).error().message == "odd");
  CHECK(quarter(3).error().code == Errc::invalid);
  CHECK(check_even(2).has_value());
  CHECK(check_even(1).error().message == "odd");
}

TEST_CASE("a result moves what cannot be copied") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  CHECK(*taken == 7);
}

TEST_CASE("a fallback stands in for an error only") {
  CHECK(half(4).value_or(9) == 2);
  CHECK(half(5).value_or(9) == 9);
}
