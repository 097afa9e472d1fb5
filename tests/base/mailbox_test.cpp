#include "reelkeep/base/mailbox.hpp"

#include <array>
#include <doctest/doctest.h>
#include <memory>
#include <thread>

using reelkeep::Mailbox;

namespace {

struct Numbered {
  std::size_t sender;
  int number;
};

using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("messages of many senders all arrive, those of each in order") {
  constexpr std::size_t k_senders = 4;
  constexpr int k_messages = 5000;
  Mailbox<Numbered> mailbox;
  std::vector<std::thread> senders;
  for (std::size_t sender = 0; sender < k_senders; ++sender)
    senders.emplace_back([&mailbox, sender] {
      for (int number = 0; number < k_messages; ++number) mailbox.post({sender, number});
    });
  std::thread closer([&] {
    for (std::thread& sender : senders) sender.join();
    mailbox.close();
  });

  std::array<int, k_senders> next{};
  bool ordered = true;
  for (auto batch = mailbox.take_all(100); !batch.empty(); batch = mailbox.take_all(100)) {
    CHECK(batch.size() <= 100);
    for (const Numbered& message : batch) ordered &= message.number == next.at(message.sender)++;
  }
  closer.join();
  CHECK(ordered);
  for (const int count : next) CHECK(count == k_messages);
}

TEST_CASE("a waiting owner is woken by a message and by the end") {
  Mailbox<int> questions;
  Mailbox<int> answers;
  std::thread owner([&] {
    while (const auto question = questions.take()) answers.post(*question + 1);
    answers.close();
  });
  for (int round = 0; round < 1000; ++round) {
    questions.post(round);
    REQUIRE(answers.take() == round + 1);
  }
  questions.close();
  CHECK(answers.take() == std::nullopt);
  owner.join();
}

TEST_CASE("what was posted before the end is still given") {
  Mailbox<int> mailbox;
  mailbox.post(1);
  mailbox.post(2);
  mailbox.close();
  CHECK(mailbox.closed());
  CHECK(mailbox.take() == 1);
  CHECK(mailbox.take_all() == std::vector<int>{2});
  CHECK(mailbox.take_all().empty());
  CHECK(mailbox.take() == std::nullopt);
}

TEST_CASE("a deadline in the past takes what is there and does not wait for more") {
  Mailbox<int> mailbox;
  const auto past = Clock::now() - std::chrono::hours(1);
  CHECK(mailbox.take_all_until(past).empty());
  mailbox.post(1);
  mailbox.post(2);
  mailbox.post(3);
  CHECK(mailbox.take_all_until(past, 2) == std::vector<int>{1, 2});
  CHECK(mailbox.take_all_until(past) == std::vector<int>{3});
}

TEST_CASE("a far deadline does not hold up a message or the end") {
  Mailbox<std::unique_ptr<int>> mailbox;
  const auto far = Clock::now() + std::chrono::hours(24);
  std::thread sender([&] { mailbox.post(std::make_unique<int>(7)); });
  const auto taken = mailbox.take_all_until(far);
  sender.join();
  REQUIRE(taken.size() == 1);
  CHECK(*taken.front() == 7);
  std::thread closer([&] { mailbox.close(); });
  CHECK(mailbox.take_all_until(far).empty());
  closer.join();
}
