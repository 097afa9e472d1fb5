// Short bodies of one loop, hashed two at a time.
#include "curl/paired_hashing.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "crypto/sha256.hpp"
#include "curl/fetch_bench.hpp"

using namespace reelkeep;
using namespace reelkeep::curl;
using namespace reelkeep::testing;

namespace {

class Completions final : public FetchSink, public IntakeEvents {
 public:
  void checkpointed(Checkpoint) override {}
  void fetched(Fetched fetched) override {
    in_memory.emplace_back(reinterpret_cast<const char*>(fetched.body.data()), fetched.body.size());
    fetched.body = {};
    all.push_back(std::move(fetched));
  }
  void prepared(std::uint64_t, Result<ByteCount>) override {}
  void spread(std::uint64_t, Status) override {}
  void write_failed(std::uint64_t) override {}
  void completing(std::uint64_t) override {}
  void finished(std::uint64_t ticket) override { over.push_back(ticket); }

  std::vector<Fetched> all;
  std::vector<std::string> in_memory;
  std::vector<std::uint64_t> over;
};

/// One loop's side of short bodies.
struct Loop {
  Completions completions;
  BufferPool buffers{4, 100'000, [] {}};
  PairedHashing hashing{buffers};

  std::unique_ptr<Intake> begin(std::uint64_t ticket) {
    FetchRequest request;
    request.ticket = ticket;
    request.file = std::make_unique<MemoryFile>();
    request.unsynced_up_to = ByteCount(1'000'000);
    auto intake = std::make_unique<Intake>(request, completions, completions);
    REQUIRE(intake->prepare());
    intake->begin(Begin{});
    return intake;
  }
  void bring(Intake& intake, ByteCount at, const std::string& bytes, Piece piece = Piece::whole) {
    Buffer buffer = buffers.take();
    REQUIRE(buffer);
    buffer.append(std::as_bytes(std::span(bytes)));
    intake.write(at, buffer.content());
    hashing.owe(intake, std::move(buffer), piece);
  }
  void check(std::size_t index, std::uint64_t ticket, const std::string& bytes) {
    REQUIRE(completions.all.size() > index);
    const Fetched& fetched = completions.all[index];
    CHECK(fetched.ticket == ticket);
    REQUIRE(fetched.status);
    CHECK(bytes_of(fetched) == bytes);
    CHECK(fetched.digest == sha256(bytes));
    CHECK(completions.over[index] == ticket);
  }
  [[nodiscard]] std::size_t buffers_in_use() {
    std::vector<Buffer> taken;
    while (Buffer buffer = buffers.take()) taken.push_back(std::move(buffer));
    const std::size_t in_use = buffers.count() - taken.size();
    for (Buffer& buffer : taken) buffers.give_back(std::move(buffer));
    return in_use;
  }
  [[nodiscard]] bool has_all_buffers() { return buffers_in_use() == 0; }
};

TEST_CASE("a body is complete once it is hashed, which is with the next one") {
  Loop loop;
  const auto one = loop.begin(1);
  const auto two = loop.begin(2);
  loop.bring(*one, {}, "first");
  CHECK(loop.hashing.owed_since());
  loop.hashing.complete(*one, Ending{});
  CHECK(loop.completions.all.empty());
  loop.bring(*two, {}, "second, longer");
  CHECK_FALSE(loop.hashing.owed_since());
  CHECK(loop.completions.all.empty());  // that may have been a callback of libcurl
  loop.hashing.complete_hashed();
  loop.check(0, 1, "first");
  CHECK(loop.completions.all.size() == 1);
  loop.hashing.complete(*two, Ending{});
  loop.check(1, 2, "second, longer");
  CHECK(loop.has_all_buffers());
}

TEST_CASE("a body whose end comes after its hash is complete at once") {
  Loop loop;
  const auto one = loop.begin(1);
  const auto two = loop.begin(2);
  loop.bring(*one, {}, "first");
  loop.bring(*two, {}, "second");
  CHECK(loop.completions.all.empty());
  loop.hashing.complete(*two, Ending{});
  loop.hashing.complete(*one, Ending{});
  loop.check(0, 2, "second");
  loop.check(1, 1, "first");
  CHECK(loop.completions.in_memory == std::vector<std::string>{"second", "first"});
  CHECK(loop.has_all_buffers());
}

TEST_CASE("the pieces of a body are hashed in their order, whatever comes between") {
  Loop loop;
  const auto one = loop.begin(1);
  const auto two = loop.begin(2);
  loop.bring(*one, {}, "one and ", Piece::part);
  loop.bring(*one, ByteCount(8), "two and ", Piece::part);
  loop.bring(*two, {}, "another");
  loop.bring(*one, ByteCount(16), "three", Piece::part);
  loop.hashing.complete(*two, Ending{});
  loop.hashing.complete(*one, Ending{});
  CHECK(loop.completions.all.size() == 1);
  loop.hashing.settle();
  loop.hashing.complete_hashed();
  loop.check(0, 2, "another");
  loop.check(1, 1, "one and two and three");
  // Its last piece is not all of it.
  CHECK(loop.completions.in_memory == std::vector<std::string>{"another", ""});
  CHECK(loop.has_all_buffers());
}

TEST_CASE("a part of a body keeps no buffer once it is hashed, a whole one does until it is over") {
  Loop loop;
  const auto one = loop.begin(1);
  const auto two = loop.begin(2);
  loop.bring(*one, {}, "and silence", Piece::part);
  loop.hashing.settle();
  CHECK(loop.has_all_buffers());
  loop.bring(*one, ByteCount(11), "again", Piece::part);
  loop.bring(*two, {}, "whole");
  CHECK(loop.buffers_in_use() == 1);
  loop.hashing.complete(*two, Ending{});
  CHECK(loop.has_all_buffers());
  loop.hashing.complete(*one, Ending{});
  loop.check(1, 1, "and silenceagain");
  CHECK(loop.completions.in_memory == std::vector<std::string>{"whole", ""});
}

TEST_CASE("what waits alone is hashed when it is asked for") {
  Loop loop;
  const auto one = loop.begin(1);
  const auto two = loop.begin(2);
  loop.bring(*one, {}, "alone");
  loop.hashing.settle(*two);
  CHECK(loop.hashing.owed_since());
  loop.hashing.settle(*one);
  CHECK_FALSE(loop.hashing.owed_since());
  CHECK(loop.has_all_buffers());
  loop.hashing.complete(*one, Ending{});
  loop.check(0, 1, "alone");
  CHECK(loop.completions.in_memory.front().empty());  // its buffer was given back
  loop.hashing.settle();
  loop.hashing.complete_hashed();
  CHECK(loop.completions.all.size() == 1);
}

}  // namespace
