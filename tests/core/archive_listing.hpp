#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "core/house.hpp"
#include "core/reconciler.hpp"

namespace reelkeep::testing {

/// Answers each question in turn, the last answer for ever.
class ScriptedApi final : public ProviderApi {
 public:
  Result<std::vector<std::string>> archive(const ApiAccess& access, const ArchiveQuery& query,
                                           const std::atomic<bool>*) override {
    std::lock_guard lock(m_mutex);
    m_asked.push_back(access.credential.username);
    m_queries.push_back(query);
    if (m_answers.empty()) return std::vector<std::string>();
    Result<std::vector<std::string>> answer = m_answers.front();
    if (m_answers.size() > 1) m_answers.pop_front();
    return answer;
  }
  void answer(Result<std::vector<std::string>> answer) {
    std::lock_guard lock(m_mutex);
    m_answers.push_back(std::move(answer));
  }
  std::vector<ArchiveQuery> queries() {
    std::lock_guard lock(m_mutex);
    return m_queries;
  }
  std::vector<std::string> asked() {
    std::lock_guard lock(m_mutex);
    return m_asked;
  }

 private:
  std::mutex m_mutex;
  std::deque<Result<std::vector<std::string>>> m_answers;  ///< guarded by m_mutex
  std::vector<ArchiveQuery> m_queries;                     ///< guarded by m_mutex
  std::vector<std::string> m_asked;                        ///< guarded by m_mutex
};

/// `members` begins with a comma.
inline std::string item(const std::string& conf, const std::string& at, const std::string& members,
                        const std::string& app_id = "a1") {
  return R"({"app_id":")" + app_id + R"(","room_id":"r1","conf_num":")" + conf +
         R"(","trans_date":")" + at + "\"" + members + "}";
}

inline const std::string k_old = "2026-01-04T08:00:00Z";
inline const std::string k_files =
    R"(,"recording":[{"url":"https://f.enablex.io/1.mov?Expires=1"},{"url":"https://f.enablex.io/2.mov"}])";

}  // namespace reelkeep::testing
