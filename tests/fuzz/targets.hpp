#pragma once

#include <span>
#include <string_view>

// What reads bytes that somebody else chose, each with the properties that hold whatever they are.
// The same functions run under libFuzzer (preset "fuzz", scripts/fuzz) and, over every seed and
// finding, in the ordinary suite (test_fuzz_seeds).
namespace reelkeep::fuzz {

/// Says what does not hold and aborts: a finding.
void demand(bool holds, std::string_view what);

void payload(std::string_view input);       ///< webhook bodies
void api_answer(std::string_view input);    ///< listings and CDRs of the REST API
void config(std::string_view input);        ///< the configuration file
void url(std::string_view input);           ///< URLs, redirects, host patterns, source keys
void name(std::string_view input);          ///< file names and archive layouts
void media(std::string_view input);         ///< judgement of content
void s3_answer(std::string_view input);     ///< XML and dates of S3 servers
void http_request(std::string_view input);  ///< heads and bodies that the webhook gets
void http_answer(std::string_view input);   ///< heads of answers to downloads
void record(std::string_view input);        ///< commands and outcomes in the journal
void masking(std::string_view input);       ///< bodies shown to people

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};
std::span<const Target> targets();

/// Takes the part before the next line break off `rest`.
std::string_view next_line(std::string_view& rest);

}  // namespace reelkeep::fuzz
