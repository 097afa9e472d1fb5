#pragma once

#include <string_view>

#include "daemon/config.hpp"
#include "daemon/config_reader.hpp"

namespace reelkeep::daemon {

/// Stands in examples; refused where the network can reach it.
inline constexpr std::string_view k_placeholder_password = "change-me";

/// Brings every value of the document into `config`, whose members hold the defaults, and reports
/// unknown keys, wrong types and impossible values. What needs two values at once is left to
/// finish_config().
void read_document(const Node& root, Config& config, Reader& reader);

/// Fills in the defaults that depend on other values, then reports what does not fit together.
/// Works on what could be read, so that everything wrong is told at once.
void finish_config(Config& config, Reader& reader);

/// The same for the keys of one [[store]].
void finish_store(StoreConfig& store, const std::string& place, const std::string& state_dir,
                  Reader& reader);

/// Fills in and checks the endpoint of a bucket, in a [[store]] or a [[destination]].
void check_endpoint(StoreConfig& store, const std::string& place, Reader& reader);
/// Of the key `key` in such a block.
void check_prefix(std::string& prefix, const std::string& key, std::string_view block,
                  Reader& reader);

/// The same for the keys of one [[destination]].
void finish_destination(DestinationConfig& destination, const std::string& place, Reader& reader);
/// A destination that moves files about keeps out of what `config` says is a store of ours.
void refuse_own_archives(const Config& config, const DestinationConfig& destination,
                         const std::string& place, Reader& reader);

}  // namespace reelkeep::daemon
