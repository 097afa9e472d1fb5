#include "contract/destination_contract.hpp"

#include <array>
#include <doctest/doctest.h>

namespace reelkeep::contract {
namespace {

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 31 + i / 251) & 0xff);
  return bytes;
}

Destination::Sink into(std::string& all) {
  return [&all](std::span<const std::byte> bytes) -> Status {
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
}

template <class Outcome>
Errc code_of(const Outcome& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().code;
}

}  // namespace

void destination_contract(DestinationPlace& place) {
  const auto destination = place.make();

  SUBCASE("a file has the size that it has, and a version that changes with its bytes") {
    place.put("room/c1/f.mov", "twelve bytes");
    const auto seen = destination->stat(place.location("room/c1/f.mov"));
    REQUIRE(seen.has_value());
    CHECK(seen->size == ByteCount(12));
    CHECK(seen->version.empty() != place.has_versions());
    place.put("room/c1/f.mov", "some more than twelve bytes");
    const auto after = destination->stat(place.location("room/c1/f.mov"));
    REQUIRE(after.has_value());
    CHECK(after->size == ByteCount(27));
    CHECK((after->version != seen->version || !place.has_versions()));
  }

  SUBCASE("an empty file is there") {
    place.put("empty.txt", "");
    const auto seen = destination->stat(place.location("empty.txt"));
    REQUIRE(seen.has_value());
    CHECK(seen->size == ByteCount(0));
  }

  SUBCASE(
      "a file that is not there is not found, in a folder that is there and in one that is not") {
    place.put("room/other.mov", "x");
    CHECK(destination->stat(place.location("room/f.mov")).error().code == Errc::not_found);
    CHECK(destination->stat(place.location("nowhere/at/all/f.mov")).error().code ==
          Errc::not_found);
    std::string got;
    CHECK(code_of(destination->read(place.location("room/f.mov"), ByteCount(0), into(got))) ==
          Errc::not_found);
    CHECK(got.empty());
  }

  SUBCASE("every name finds its file") {
    constexpr std::array k_names{"with space/two words.mov", "plus+tilde~/it's (1).mov",
                                 "hash#mark/a#b.mov",        "percent%41/100%.mov",
                                 "question?/what?.mov",      "umlaut-\u00e4\u00f6/\u540d\u524d.mov",
                                 "quote\"/say \"hi\".mov",   "amp&semi;colon:/a=b&c;d.mov"};
    for (const std::string name : k_names) {
      CAPTURE(name);
      place.put(name, "bytes of " + name);
      std::string got;
      REQUIRE(destination->read(place.location(name), ByteCount(0), into(got)).has_value());
      CHECK(got == "bytes of " + name);
    }
  }

  SUBCASE("reading goes on where it was cut") {
    const std::string bytes = pattern(3'000'000);
    place.put("large.mov", bytes);
    std::string got;
    const auto cut = destination->read(place.location("large.mov"), ByteCount(0),
                                       [&](std::span<const std::byte> more) -> Status {
                                         if (got.size() > 1'000'000)
                                           return Error{Errc::no_space, "cut on purpose"};
                                         return into(got)(more);
                                       });
    CHECK(code_of(cut) == Errc::no_space);
    REQUIRE(got.size() < bytes.size());
    REQUIRE(destination->read(place.location("large.mov"), ByteCount(got.size()), into(got))
                .has_value());
    CHECK(got == bytes);
  }

  SUBCASE("a file moves into a folder that was not there") {
    place.put("in/f 1.mov", "moved");
    const std::string to = destination->location_of("room 1/c#1/recording/f 1.mov");
    const auto moved = destination->move(place.location("in/f 1.mov"), to, ByteCount(5));
    REQUIRE(moved.has_value());
    CHECK(moved->file.size == ByteCount(5));
    CHECK_FALSE(moved->is_doubtful);
    CHECK(place.bytes("room 1/c#1/recording/f 1.mov") == "moved");
    CHECK_FALSE(place.bytes("in/f 1.mov").has_value());
    CHECK(destination->stat(to)->size == ByteCount(5));

    // Again, as after a kill before it was noted.
    const auto again = destination->move(place.location("in/f 1.mov"), to, ByteCount(5));
    REQUIRE(again.has_value());
    CHECK(again->file.size == ByteCount(5));
    CHECK(again->is_doubtful != place.marks_moves());
    CHECK(place.bytes("room 1/c#1/recording/f 1.mov") == "moved");
  }

  SUBCASE("a move never overwrites") {
    place.put("in/f.mov", "new bytes");
    place.put("out/f.mov", "old");
    const std::string to = destination->location_of("out/f.mov");
    CHECK(code_of(destination->move(place.location("in/f.mov"), to, ByteCount(9))) ==
          Errc::conflict);
    CHECK(place.bytes("out/f.mov") == "old");
    CHECK(place.bytes("in/f.mov") == "new bytes");
  }

  SUBCASE("something else at the target is not what an earlier move left") {
    place.put("out/f.mov", "old");
    CHECK_FALSE(
        destination
            ->move(place.location("in/f.mov"), destination->location_of("out/f.mov"), ByteCount(9))
            .has_value());
    CHECK(place.bytes("out/f.mov") == "old");
  }

  SUBCASE("another file of the same size at the target is not told to be what was moved") {
    place.put("out/f.mov", "old bytes");
    const auto moved = destination->move(place.location("in/f.mov"),
                                         destination->location_of("out/f.mov"), ByteCount(9));
    CHECK((moved ? moved->is_doubtful : moved.error().code == Errc::conflict));
    CHECK(moved.has_value() != place.marks_moves());
    CHECK(place.bytes("out/f.mov") == "old bytes");
  }

  SUBCASE("what is where it belongs stays there") {
    place.put("out/f.mov", "old bytes");
    const std::string there = destination->location_of("out/f.mov");
    const auto moved = destination->move(there, there, ByteCount(9));
    REQUIRE(moved.has_value());
    CHECK_FALSE(moved->is_doubtful);
    CHECK(place.bytes("out/f.mov") == "old bytes");
  }

  SUBCASE("what is not there cannot be moved") {
    CHECK(code_of(destination->move(place.location("in/none.mov"),
                                    destination->location_of("out/none.mov"), ByteCount(9))) ==
          Errc::not_found);
  }

  SUBCASE("after an interrupt everything ends as cancelled") {
    place.put("f.mov", "bytes");
    destination->interrupt();
    CHECK(destination->stat(place.location("f.mov")).error().code == Errc::cancelled);
    std::string got;
    CHECK(code_of(destination->read(place.location("f.mov"), ByteCount(0), into(got))) ==
          Errc::cancelled);
    CHECK(code_of(destination->move(place.location("f.mov"), destination->location_of("g.mov"),
                                    ByteCount(5))) == Errc::cancelled);
    CHECK(place.bytes("f.mov") == "bytes");
  }
}

}  // namespace reelkeep::contract
