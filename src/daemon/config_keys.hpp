#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelkeep/base/text.hpp"

#include "daemon/config_reader.hpp"

/// The means to write the grammar of the configuration as tables of keys: config_schema.cpp only.
namespace reelkeep::daemon::schema {

/// One key that a table may hold. The tables below are the whole grammar of the configuration.
template <class Owner>
struct Key {
  enum class Kind {
    plain,
    secret,  ///< also as name_file
    later,   ///< known, and refused aloud: a later version brings it
  };
  std::string_view name;
  void (*read)(const Slot&, Owner&) = nullptr;
  Kind kind = Kind::plain;
  void (*list)(const std::string& prefix,
               std::vector<std::string>& names) = nullptr;  ///< a table's own keys
};

template <class>
struct MemberPointer;
template <class O, class V>
struct MemberPointer<V O::*> {
  using Owner = O;
  using Value = V;
};
template <auto Field>
using OwnerOf = typename MemberPointer<decltype(Field)>::Owner;
template <auto Field>
using ValueOf = typename MemberPointer<decltype(Field)>::Value;

template <auto Field, class Read>
void assign(OwnerOf<Field>& into, Read&& read) {
  if (read) into.*Field = static_cast<ValueOf<Field>>(*std::forward<Read>(read));
}

template <auto Field, std::int64_t Least, std::int64_t Most>
void integer(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_integer(slot, Least, Most));
}
template <auto Field>
void flag(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_flag(slot));
}
template <auto Field>
void words(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_text(slot));
}
template <auto Field>
void texts(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_texts(slot));
}
template <auto Field, std::int64_t LeastMs, std::int64_t MostMs>
void duration(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_duration(slot, Duration(LeastMs), Duration(MostMs)));
}
template <auto Field, std::uint64_t Least, std::uint64_t Most>
void bytes(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_bytes(slot, ByteCount(Least), ByteCount(Most)));
}
template <auto Field>
void listen(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_listen(slot));
}
template <auto Field>
void hosts(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_hosts(slot));
}
template <auto Field>
void path(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_path(slot));
}
template <auto Field, Holds What>
void file(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_file_path(slot, What));
}
template <auto Field>
void secret(const Slot& slot, OwnerOf<Field>& into) {
  const bool from_file = slot.key.ends_with("_file");
  assign<Field>(into, from_file ? read_secret_file(slot) : read_secret(slot));
}
/// A name that others refer to.
template <auto Field>
void name(const Slot& slot, OwnerOf<Field>& into) {
  assign<Field>(into, read_text(slot));
}
template <auto Field>
void names(const Slot& slot, OwnerOf<Field>& into) {
  const auto texts = read_texts(slot);
  if (!texts) return;
  (into.*Field).clear();
  for (const std::string& text : *texts) (into.*Field).emplace_back(text);
}

template <class Owner>
std::vector<std::string> spelled(std::span<const Key<Owner>> keys) {
  std::vector<std::string> all;
  for (const Key<Owner>& key : keys) {
    if (key.kind == Key<Owner>::Kind::later) continue;
    all.emplace_back(key.name);
    if (key.kind == Key<Owner>::Kind::secret) all.push_back(std::string(key.name) + "_file");
  }
  return all;
}

inline std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

/// The table that has the key `word`, as a hint: "it belongs in [webhook]".
std::string home_of(std::string_view word);

template <class Owner>
void read_table(const Node& table, const std::string& block, const std::string& path,
                std::span<const Key<Owner>> keys, Owner& into, Reader& reader) {
  std::string later;
  Position first_later;
  for (const Member& member : table.members) {
    const std::string key_path = path.empty() ? member.key : path + "." + member.key;
    const Slot slot{member.value, member.key, block, key_path, reader};
    const auto known = std::find_if(keys.begin(), keys.end(), [&](const Key<Owner>& key) {
      return key.name == member.key || (key.kind == Key<Owner>::Kind::secret &&
                                        member.key == std::string(key.name) + "_file");
    });
    const std::string quoted = "\"" + text::printable(member.key) + "\"";
    const std::string where = block.empty() ? "" : " in " + block;
    if (known == keys.end()) {
      const std::vector<std::string> names = spelled(keys);
      std::string hint = did_you_mean(member.key, names);
      if (hint.empty()) hint = home_of(member.key);
      if (hint.empty()) hint = "known are " + listed(names);
      const bool is_block = block.empty() && (member.value.kind == Node::Kind::table ||
                                              member.value.kind == Node::Kind::array);
      reader.problem(member.at, (is_block ? "unknown table " : "unknown key ") + quoted + where,
                     std::move(hint));
      continue;
    }
    if (known->kind == Key<Owner>::Kind::later) {
      if (later.empty()) first_later = member.at;
      later += (later.empty() ? "" : ", ") + (block.empty() ? "[[" + member.key + "]]" : quoted);
      continue;
    }
    reader.remember(key_path, member.at);
    if (known->name != member.key && table.find(known->name) != nullptr) {
      reader.spoil(key_path);
      reader.problem(member.at, "both \"" + std::string(known->name) + "\" and " + quoted + where,
                     "give one of them");
      continue;
    }
    known->read(slot, into);
  }
  if (!later.empty())
    reader.problem(first_later, later + (block.empty() ? "" : " in " + block) +
                                    ": not supported by this version");
}

/// Appends every key of a table and of the tables in it, as people write it: "[webhook] listen".
template <class Owner>
void list_keys(const std::string& block, const std::string& path, std::span<const Key<Owner>> keys,
               std::vector<std::string>& all) {
  for (const Key<Owner>& key : keys) {
    if (key.kind == Key<Owner>::Kind::later) continue;
    const std::string name(key.name);
    if (key.list != nullptr) {
      key.list(path.empty() ? name : path + "." + name, all);
      continue;
    }
    all.push_back(block + " " + name);
    if (key.kind == Key<Owner>::Kind::secret) all.push_back(block + " " + name + "_file");
  }
}

/// `[name]`
template <auto Field, const auto& Keys>
void one_table(const Slot& slot, OwnerOf<Field>& into) {
  const std::string block = "[" + slot.path + "]";
  if (slot.node.kind != Node::Kind::table) {
    const bool repeated = slot.node.kind == Node::Kind::array;
    slot.problem(
        slot.path + " is " + std::string(noun(slot.node.kind)) + ", expected the table " + block,
        repeated ? "there is only one: write " + block : "");
    return;
  }
  read_table<ValueOf<Field>>(slot.node, block, slot.path, Keys, into.*Field, slot.reader);
}

/// `[[name]]`
template <auto Field, const auto& Keys>
void many_tables(const Slot& slot, OwnerOf<Field>& into) {
  using Element = typename ValueOf<Field>::value_type;
  const std::string block = "[[" + slot.path + "]]";
  const auto all_tables = [&] {
    return slot.node.kind == Node::Kind::array &&
           std::all_of(slot.node.items.begin(), slot.node.items.end(),
                       [](const Node& item) { return item.kind == Node::Kind::table; });
  };
  if (!all_tables()) {
    slot.problem(
        slot.path + " is " + std::string(noun(slot.node.kind)) + ", expected blocks " + block,
        "write " + block);
    return;
  }
  for (const Node& item : slot.node.items) {
    auto& list = into.*Field;
    const std::string place = slot.path + "[" + std::to_string(list.size()) + "]";
    slot.reader.remember(place, item.at);
    Element element{};
    read_table<Element>(item, block, place, Keys, element, slot.reader);
    list.push_back(std::move(element));
  }
}

template <auto Field, const auto& Keys>
constexpr Key<OwnerOf<Field>> table_key(std::string_view name) {
  using Table = ValueOf<Field>;
  return {name, one_table<Field, Keys>, Key<OwnerOf<Field>>::Kind::plain,
          [](const std::string& path, std::vector<std::string>& all) {
            list_keys<Table>("[" + path + "]", path, Keys, all);
          }};
}

template <auto Field, const auto& Keys>
constexpr Key<OwnerOf<Field>> blocks_key(std::string_view name) {
  using Element = typename ValueOf<Field>::value_type;
  return {name, many_tables<Field, Keys>, Key<OwnerOf<Field>>::Kind::plain,
          [](const std::string& path, std::vector<std::string>& all) {
            list_keys<Element>("[[" + path + "]]", path, Keys, all);
          }};
}

}  // namespace reelkeep::daemon::schema
