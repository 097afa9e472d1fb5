#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reelkeep/model/event.hpp"

#include "enablex/fields.hpp"

// What webhook bodies and archive listings have in common: members that hold URLs of files.
namespace reelkeep::enablex {

/// Where the URLs of a type may stand: the webhook's member and what the archive API calls it. The
/// first one with a usable URL counts. The first is the type's own name.
struct OfferType {
  std::string_view type;
  ArtifactKind kind;
  std::array<std::string_view, 3> members;
};

inline constexpr std::array k_offer_types{
    OfferType{"recording", ArtifactKind::recording, {"recording", "url", ""}},
    OfferType{"transcoded", ArtifactKind::transcoded, {"transcoded", "recording", "url"}},
    OfferType{
        "live_recording", ArtifactKind::live_recording, {"live_recording", "url", "recording"}},
    OfferType{"chatdata", ArtifactKind::chatdata, {"chatdata", "url", ""}},
    OfferType{"metadata", ArtifactKind::metadata, {"metadata", "url", ""}},
    OfferType{"transcription", ArtifactKind::transcription, {"transcription", "url", ""}},
};

/// What could not be used, in few words however much it is.
class Remarks {
 public:
  void add(std::string_view label, std::string_view problem) {
    constexpr std::size_t k_told = 5;
    if (++m_count > k_told) return;
    if (!m_text.empty()) m_text += "; ";
    m_text += std::string(label) + " " + std::string(problem);
    m_told = m_count;
  }
  [[nodiscard]] bool empty() const noexcept { return m_count == 0; }
  [[nodiscard]] std::string text() const {
    return m_count == m_told ? m_text
                             : m_text + "; and " + std::to_string(m_count - m_told) + " more";
  }

 private:
  std::size_t m_count = 0;
  std::size_t m_told = 0;
  std::string m_text;
};

/// The files of one member; what is not usable becomes a remark.
/// `convert` makes a file, or an Error that says what is wrong with the text.
template <class File, class Convert>
Result<std::vector<File>> read_files(const json::Value& body, std::string_view member,
                                     Remarks& remarks, const Convert& convert) {
  REELKEEP_ASSIGN(const std::vector<UrlEntry> entries, read_urls(body[member], member));
  std::vector<File> files;
  for (const UrlEntry& entry : entries) {
    if (!entry.problem.empty()) {
      remarks.add(entry.label, entry.problem);
    } else if (Result<File> file = convert(entry.text); file) {
      files.push_back(*std::move(file));
    } else {
      remarks.add(entry.label, file.error().message);
    }
  }
  return files;
}

/// Errc::invalid says what is wrong with the text, without it.
Result<OfferedFile> offered_file(std::string_view text, ArtifactKind kind,
                                 std::span<const std::string> volatile_query);

/// A text that is good to have: of another type it is left out, aloud.
Result<std::string> attribute(const json::Value& object, std::string_view name, Remarks& remarks);

}  // namespace reelkeep::enablex
