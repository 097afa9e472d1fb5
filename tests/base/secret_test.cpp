#include "reelkeep/base/secret.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <doctest/doctest.h>
#include <new>
#include <ostream>
#include <string_view>
#include <type_traits>

using namespace reelkeep;

namespace {

template <class T, class = void>
struct Streams : std::false_type {};
template <class T>
struct Streams<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<T>())>>
    : std::true_type {};

static_assert(!Streams<Secret>::value && !Streams<Credential>::value);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

bool holds(const std::array<std::byte, sizeof(Secret)>& memory, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(memory.data()), memory.size()).find(text) !=
         std::string_view::npos;
}

}  // namespace

TEST_CASE("a secret leaves no characters where it lived") {
  alignas(Secret) std::array<std::byte, sizeof(Secret)> memory{};
  auto* secret = new (memory.data()) Secret("hunter2");
  CHECK(holds(memory, "hunter2"));
  secret->~Secret();
  CHECK_FALSE(holds(memory, "unter2"));
}

TEST_CASE("a secret moved away leaves no characters when it dies") {
  alignas(Secret) std::array<std::byte, sizeof(Secret)> memory{};
  auto* secret = new (memory.data()) Secret("hunter2");
  const Secret taken(std::move(*secret));
  CHECK(taken.reveal() == "hunter2");
  secret->~Secret();
  CHECK_FALSE(holds(memory, "unter2"));
}

TEST_CASE("a secret is copied, assigned and compared as a value") {
  Secret a("one");
  const Secret b = a;
  CHECK(a == b);
  a = Secret("two");
  CHECK(a.reveal() == "two");
  CHECK_FALSE(a == b);
  a = b;
  CHECK(a == b);
  const Secret& self = a;
  a = self;
  CHECK(a.reveal() == "one");
  CHECK(Secret().empty());
  CHECK(Credential{"u", Secret("p")} == Credential{"u", Secret("p")});
  CHECK_FALSE(Credential{"u", Secret("p")} == Credential{"u", Secret("q")});
}
