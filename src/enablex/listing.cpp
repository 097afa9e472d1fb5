#include "enablex/listing.hpp"

#include <utility>

#include "enablex/offers.hpp"
#include "json/json.hpp"

namespace reelkeep::enablex {

Result<Decoded> decode_listed(std::string_view item, const AppId& asked_for, Timestamp received_at,
                              const VolatileQuery& volatile_query) {
  REELKEEP_ASSIGN(const json::Value listed, json::parse(item));
  if (!listed.is_object())
    return Error{Errc::invalid, "an item of the listing is " +
                                    std::string(to_string(listed.kind())) + ", not an object"};
  Decoded decoded{.app_id = {}, .type = "archive", .conf_num = {}};
  Remarks remarks;
  REELKEEP_ASSIGN(decoded.app_id, read_text(listed, "app_id"));
  if (decoded.app_id.empty()) decoded.app_id = asked_for.get();
  REELKEEP_ASSIGN(decoded.conf_num, require_text(listed, "conf_num"));
  REELKEEP_ASSIGN(std::string room_id, attribute(listed, "room_id", remarks));
  const Event session{{AppId(decoded.app_id), ConfNum(decoded.conf_num)},
                      RoomId(std::move(room_id)),
                      read_time(listed["trans_date"], received_at),
                      {}};
  std::span<const std::string> further;
  if (volatile_query) further = volatile_query(session.session.app_id);

  for (const OfferType& offer : k_offer_types) {
    FilesOffered offered{.kind = offer.kind, .url_at = received_at};
    REELKEEP_ASSIGN(
        offered.files,
        read_files<OfferedFile>(listed, offer.members.front(), remarks, [&](std::string_view url) {
          return offered_file(url, offer.kind, further);
        }));
    if (offered.files.empty()) continue;
    decoded.events.push_back(session);
    decoded.events.back().fact = std::move(offered);
  }
  if (!decoded.events.empty()) {
    decoded.events.push_back(session);
    decoded.events.back().fact = CdrReady{};
  }
  if (!remarks.empty()) decoded.remark = remarks.text();
  return decoded;
}

}  // namespace reelkeep::enablex
