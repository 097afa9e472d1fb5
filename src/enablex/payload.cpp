#include "enablex/payload.hpp"

#include <span>
#include <utility>

#include "enablex/api_answer.hpp"
#include "enablex/delivered_file.hpp"
#include "enablex/listing.hpp"
#include "enablex/offers.hpp"
#include "json/json.hpp"

namespace reelkeep::enablex {
namespace {

const OfferType* offer_type(std::string_view type) {
  for (const OfferType& candidate : k_offer_types)
    if (candidate.type == type) return &candidate;
  return nullptr;
}

Error unusable(std::string_view member, const Remarks& remarks) {
  if (remarks.empty())
    return Error{Errc::invalid, "'" + std::string(member) + "' is missing or empty"};
  return Error{Errc::invalid, "no usable URL: " + remarks.text()};
}

/// One body on its way to a Decoded.
class Decoding {
 public:
  Decoding(const json::Value& body, Timestamp received_at, const VolatileQuery& volatile_query)
      : m_body(body), m_received_at(received_at), m_volatile_query(volatile_query) {}

  Result<Decoded> run() {
    REELKEEP_TRY(read_type());
    const std::optional<EventFact> plain = plain_fact();
    const OfferType* offer = offer_type(m_decoded.type);
    if (!plain && offer == nullptr && m_decoded.type != k_file_transfer) return ignored();

    REELKEEP_ASSIGN(m_decoded.app_id, require_text(m_body, "app_id"));
    REELKEEP_ASSIGN(m_decoded.conf_num, require_text(m_body, "conf_num"));
    if (plain) return event(*plain);
    if (offer != nullptr) return files_offered(*offer);
    return files_pushed();
  }

 private:
  static constexpr std::string_view k_file_transfer = "file_transfer";

  Status read_type() {
    const json::Value& type = m_body["type"];
    if (!type.is_null() && !type.string())
      return Error{Errc::invalid, "'type' is " + std::string(to_string(type.kind()))};
    REELKEEP_ASSIGN(m_decoded.type, require_text(m_body, "type"));
    if (m_decoded.type == "file-transfer") m_decoded.type = k_file_transfer;
    return {};
  }

  /// Of the types that say something about the session only.
  [[nodiscard]] std::optional<EventFact> plain_fact() const {
    if (m_decoded.type == "session_start") return SessionStarted{};
    if (m_decoded.type == "session_stop") return SessionStopped{};
    if (m_decoded.type == "roomdrop") return CdrReady{};
    return std::nullopt;
  }

  Result<Decoded> ignored() {
    m_decoded.known_type = false;
    m_decoded.app_id = read_text(m_body, "app_id").value_or("");
    m_decoded.conf_num = read_text(m_body, "conf_num").value_or("");
    return std::move(m_decoded);
  }

  Result<Decoded> event(EventFact fact) {
    REELKEEP_ASSIGN(std::string room_id, attribute(m_body, "room_id", m_remarks));
    m_decoded.events.push_back(Event{{AppId(m_decoded.app_id), ConfNum(m_decoded.conf_num)},
                                     RoomId(std::move(room_id)),
                                     read_time(m_body["trans_date"], m_received_at),
                                     std::move(fact)});
    if (!m_remarks.empty()) m_decoded.remark = m_remarks.text();
    return std::move(m_decoded);
  }

  Result<Decoded> files_offered(const OfferType& offer) {
    FilesOffered offered;
    offered.kind = offer.kind;
    REELKEEP_ASSIGN(offered.stage, attribute(m_body, "stage", m_remarks));
    const auto convert = [&](std::string_view text) {
      return offered_file(text, offer.kind, volatile_query());
    };
    for (const std::string_view member : offer.members) {
      if (member.empty() || !offered.files.empty()) continue;
      REELKEEP_ASSIGN(offered.files, read_files<OfferedFile>(m_body, member, m_remarks, convert));
    }
    if (offered.files.empty()) return unusable(documented_member(offer), m_remarks);
    // The size of several files is the size of none of them.
    if (offered.files.size() == 1) offered.declared_size = read_size(m_body["file_size"]);
    return event(std::move(offered));
  }

  Result<Decoded> files_pushed() {
    FilesPushed pushed;
    REELKEEP_ASSIGN(const Destination destination, read_destination());
    const auto convert = [&](std::string_view text) {
      return delivered_file(text, destination, volatile_query());
    };
    REELKEEP_ASSIGN(pushed.files, read_files<DeliveredFile>(m_body, "files", m_remarks, convert));
    if (pushed.files.empty()) return unusable("files", m_remarks);
    pushed.destination_name = destination.name;
    pushed.destination_host = without_user_info(destination.host);
    pushed.destination_account = destination.account;
    return event(std::move(pushed));
  }

  Result<Destination> read_destination() {
    Destination destination;
    const json::Value& told = m_body["destination"];
    if (told.string()) {
      REELKEEP_ASSIGN(destination.name, attribute(m_body, "destination", m_remarks));
      return destination;
    }
    REELKEEP_ASSIGN(destination.name, attribute(told, "name", m_remarks));
    REELKEEP_ASSIGN(destination.host, attribute(told, "host", m_remarks));
    REELKEEP_ASSIGN(destination.account, attribute(told, "account", m_remarks));
    return destination;
  }

  /// As on the provider's page, for the message.
  static std::string_view documented_member(const OfferType& offer) {
    const bool recording =
        offer.kind == ArtifactKind::recording || offer.kind == ArtifactKind::transcoded;
    return recording ? "recording" : "url";
  }

  std::span<const std::string> volatile_query() const {
    if (!m_volatile_query) return {};
    return m_volatile_query(AppId(m_decoded.app_id));
  }

  const json::Value& m_body;
  const Timestamp m_received_at;
  const VolatileQuery& m_volatile_query;
  Decoded m_decoded;
  Remarks m_remarks;
};

class EnablexProvider final : public Provider {
 public:
  explicit EnablexProvider(VolatileQuery volatile_query)
      : m_volatile_query(std::move(volatile_query)) {}

  [[nodiscard]] Result<Decoded> decode(std::string_view body,
                                       Timestamp received_at) const override {
    REELKEEP_ASSIGN(const json::Value parsed, json::parse(body));
    if (!parsed.is_object())
      return Error{Errc::invalid,
                   "the body is " + std::string(to_string(parsed.kind())) + ", not a JSON object"};
    return Decoding(parsed, received_at, m_volatile_query).run();
  }
  [[nodiscard]] Result<Decoded> decode_listed(std::string_view item, const AppId& asked_for,
                                              Timestamp received_at) const override {
    return enablex::decode_listed(item, asked_for, received_at, m_volatile_query);
  }
  [[nodiscard]] Status judge_cdr(std::string_view answer,
                                 const std::optional<Credential>& sent) const override {
    return enablex::judge_cdr(answer, sent);
  }

 private:
  const VolatileQuery m_volatile_query;
};

}  // namespace

std::unique_ptr<Provider> make_provider(VolatileQuery volatile_query) {
  return std::make_unique<EnablexProvider>(std::move(volatile_query));
}

}  // namespace reelkeep::enablex
