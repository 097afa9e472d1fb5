#include "cli/table.hpp"

#include <algorithm>

#include "reelkeep/base/text.hpp"

namespace reelkeep::cli {
namespace {

constexpr std::size_t k_gap = 2;
constexpr std::size_t k_least = 8;  ///< a column that gives way keeps that many

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

std::vector<std::size_t> Table::widths(std::size_t most) const {
  std::vector<std::size_t> widths;
  std::size_t all = 0;
  for (std::size_t i = 0; i < m_columns.size(); ++i) {
    if (is_blank(i)) {
      widths.push_back(0);
      continue;
    }
    std::size_t width = text::display_width(m_columns[i].title);
    for (const Row& row : m_rows) width = std::max(width, text::display_width(row.cells[i].text));
    widths.push_back(width);
    all += width + (all > 0 ? k_gap : 0);
  }
  if (most == 0) return widths;
  while (all > most) {
    std::size_t widest = m_columns.size();
    for (std::size_t i = 0; i < m_columns.size(); ++i)
      if (m_columns[i].gives_way && widths[i] > k_least &&
          (widest == m_columns.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == m_columns.size()) break;
    --widths[widest];
    --all;
  }
  return widths;
}

void Table::print(Output& output) const {
  const std::vector<std::size_t> widths = this->widths(output.look().width);
  if (m_rows.empty()) return;
  const auto print_row = [&](const auto& cell_of) {
    std::string line;
    std::size_t owed = 0;  // spaces that come only when something follows
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
      if (is_blank(i)) continue;
      const Cell cell = cell_of(i);
      const std::string shown = m_columns[i].gives_way && output.look().width != 0
                                    ? cut(cell.text, widths[i])
                                    : cell.text;
      const std::size_t room = widths[i] - std::min(widths[i], text::display_width(shown));
      const bool right = m_columns[i].side == Column::Side::right;
      if (!shown.empty())
        line += std::string(owed + (right ? room : 0), ' ') + output.toned(shown, cell.tone);
      owed = k_gap + (shown.empty() ? owed + widths[i] : (right ? 0 : room));
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
