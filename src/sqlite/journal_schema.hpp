#pragma once

#include "sqlite/migration.hpp"

namespace reelkeep::sqlite {

/// entry: the evidence, never changed. body: its bytes, apart, so that they can be erased (no row:
/// erased). receipt: a delivery came again. meta: id (UUID), probe.
const Schema& journal_schema() noexcept;

}  // namespace reelkeep::sqlite
