#include "cli/table.hpp"

#include <algorithm>
#include <iterator>

#include "reelkeep/base/text.hpp"

namespace reelkeep::cli {
namespace {

constexpr std::size_t k_gap = 2;
constexpr std::size_t k_indent = 2;  ///< of a row whose first column stands above it
constexpr std::size_t k_least = 8;   ///< a column that gives way keeps that many

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

}  // namespace

std::string cut(std::string_view text, std::size_t width) {
  if (text::display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string kept(text);
  while (!kept.empty() && text::display_width(kept) + 1 > width) {
    while (!kept.empty() && continues_character(kept.back())) kept.pop_back();
    if (!kept.empty()) kept.pop_back();
  }
  return kept + "…";
}

void Table::add(std::vector<Cell> row) {
  row.resize(m_columns.size());
  m_rows.push_back({std::move(row), {}});
}

void Table::note(std::string text, Tone tone) {
  if (!m_rows.empty()) m_rows.back().notes.push_back({std::move(text), tone});
}

bool Table::is_blank(std::size_t column) const {
  return std::all_of(m_rows.begin(), m_rows.end(),
                     [&](const Row& row) { return row.cells[column].text.empty(); });
}

std::vector<std::size_t> Table::natural() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < m_columns.size(); ++i) {
    std::size_t width = text::display_width(m_columns[i].title);
    for (const Row& row : m_rows) width = std::max(width, text::display_width(row.cells[i].text));
    widths.push_back(width);
  }
  return widths;
}

Table::Layout Table::layout(std::size_t most) const {
  Layout layout{.widths = natural()};
  for (std::size_t i = 0; i < m_columns.size(); ++i)
    if (!is_blank(i)) layout.columns.push_back(i);
  const auto all = [&] {
    std::size_t sum = layout.raised ? k_indent : 0;
    for (const std::size_t i : layout.columns) sum += layout.widths[i];
    return sum + k_gap * (layout.columns.empty() ? 0 : layout.columns.size() - 1);
  };
  if (most == 0 || all() <= most) return layout;
  const auto raise = [&](std::vector<std::size_t>::iterator column) {
    layout.raised = *column;
    layout.columns.erase(column);
  };
  const auto find_first = [&](Column::Narrow narrow) {
    return std::ranges::find(layout.columns, narrow,
                             [&](std::size_t i) { return m_columns[i].narrow; });
  };
  if (const auto own = find_first(Column::Narrow::own_line); own != layout.columns.end())
    raise(own);
  const auto is_too_wide = [&] {
    std::size_t saved = 0;
    for (const std::size_t i : layout.columns)
      if (m_columns[i].narrow == Column::Narrow::cut)
        saved += layout.widths[i] - std::min(layout.widths[i], k_least);
    return all() - saved > most;
  };
  while (is_too_wide()) {
    const auto last =
        std::ranges::find(layout.columns.rbegin(), layout.columns.rend(), Column::Narrow::left_out,
                          [&](std::size_t i) { return m_columns[i].narrow; });
    if (last == layout.columns.rend()) break;
    layout.columns.erase(std::next(last).base());
  }
  if (is_too_wide() && !layout.raised && layout.columns.size() > 1) raise(layout.columns.begin());
  while (is_too_wide()) {
    const auto next = find_first(Column::Narrow::cut);
    if (next == layout.columns.end()) break;
    layout.columns.erase(next);
  }
  for (std::size_t sum = all(); sum > most; --sum) {
    std::optional<std::size_t> widest;
    for (const std::size_t i : layout.columns)
      if (m_columns[i].narrow == Column::Narrow::cut && layout.widths[i] > k_least &&
          (!widest || layout.widths[i] > layout.widths[*widest]))
        widest = i;
    if (!widest) break;
    --layout.widths[*widest];
  }
  return layout;
}

void Table::print(Output& output) const {
  if (m_rows.empty()) return;
  const Layout layout = this->layout(output.look().width);
  const auto print_row = [&](const auto& cell_of) {
    if (layout.raised) {
      const Cell cell = cell_of(*layout.raised);
      output.line(output.toned(cell.text, cell.tone));
    }
    std::string line;
    std::size_t owed = layout.raised ? k_indent : 0;  // spaces that come only before more
    for (const std::size_t i : layout.columns) {
      const Cell cell = cell_of(i);
      const std::string shown =
          m_columns[i].narrow == Column::Narrow::cut ? cut(cell.text, layout.widths[i]) : cell.text;
      const std::size_t room =
          layout.widths[i] - std::min(layout.widths[i], text::display_width(shown));
      const bool right = m_columns[i].side == Column::Side::right;
      if (!shown.empty()) {
        line += std::string(owed + (right ? room : 0), ' ') + output.toned(shown, cell.tone);
        owed = k_gap + (right ? 0 : room);
      } else {
        owed += layout.widths[i] + k_gap;
      }
    }
    output.line(line);
  };
  print_row([&](std::size_t i) { return Cell{m_columns[i].title, Tone::strong}; });
  for (const Row& row : m_rows) {
    print_row([&](std::size_t i) { return row.cells[i]; });
    for (const Cell& note : row.notes) output.line("    " + output.toned(note.text, note.tone));
  }
}

}  // namespace reelkeep::cli
