#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"

namespace reelkeep::cli {

struct Column {
  enum class Side { left, right };
  /// What becomes of it where the terminal is too narrow.
  enum class Narrow {
    stays,
    cut,       ///< shortened with "…"; where even that is not enough they go, the first one first
    left_out,  ///< goes where shortening the others would not be enough, the last one first
    own_line,  ///< never shortened: it stands on a line above the others (the first column)
  };
  std::string title;
  Side side = Side::left;
  Narrow narrow = Narrow::stays;
};

struct Cell {
  std::string text;  ///< printable
  Tone tone = Tone::plain;
};

/// Rows for people, aligned by the columns that their text takes on a terminal. A column without
/// any text is left out.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : m_columns(std::move(columns)) {}
  /// As many cells as columns; from the network only after text::printable.
  void add(std::vector<Cell> row);
  /// A line below the last row, indented, never cut.
  void note(std::string text, Tone tone = Tone::plain);
  [[nodiscard]] bool empty() const noexcept { return m_rows.empty(); }
  void print(Output& output) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    std::vector<Cell> notes;
  };
  [[nodiscard]] bool is_blank(std::size_t column) const;
  /// Where everything goes on a terminal of some width.
  struct Layout {
    std::vector<std::size_t> widths;    ///< of all columns
    std::vector<std::size_t> columns;   ///< that stand side by side
    std::optional<std::size_t> raised;  ///< the one on a line of its own
  };
  [[nodiscard]] std::vector<std::size_t> natural() const;
  /// `most` 0: as wide as it gets.
  [[nodiscard]] Layout layout(std::size_t most) const;

  std::vector<Column> m_columns;
  std::vector<Row> m_rows;
};

/// At most `width` columns, the end replaced by "…" where it is longer.
std::string cut(std::string_view text, std::size_t width);

}  // namespace reelkeep::cli
