#include "provider/value/json_text.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/value/trail.h"

namespace delivery::value {
namespace {

// A dynamic value at the deepest level holds its type, which may be as deep again.
constexpr size_t kDeepestDocument = 2 * kDeepestNesting + 2;

// Builds the document; decimals become binary nodes, which JSON text cannot hold otherwise.
class Builder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Place(nullptr); }
  bool boolean(bool b) override { return Place(b); }
  bool number_integer(int64_t number) override { return Place(number); }
  bool number_unsigned(uint64_t number) override { return Place(number); }
  bool number_float(double /*nearest*/, const std::string& text) override {
    return Place(Json::binary({text.begin(), text.end()}));
  }
  bool string(std::string& text) override { return Place(std::move(text)); }
  bool binary(Json::binary_t& /*bytes*/) override { return Fail("unexpected binary"); }
  bool start_object(size_t /*size*/) override { return Open(Json::object()); }
  bool start_array(size_t /*size*/) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    if (open_.back()->contains(name)) {
      return Fail(absl::StrCat("the name \"", name, "\" occurs twice in an object"));
    }
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const Json::exception& /*error*/) override {
    return Fail(absl::StrCat("not valid JSON at byte ", position));
  }

  const std::string& error() const { return error_; }
  Json Take() && { return std::move(root_); }

 private:
  bool Place(Json json) {
    Add(std::move(json));
    return true;
  }
  Json* Add(Json json) {
    if (open_.empty()) return &(root_ = std::move(json));
    Json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(json));
    parent.push_back(std::move(json));
    return &parent.back();
  }
  bool Open(Json container) {
    if (open_.size() == kDeepestDocument) return Fail("the JSON is nested too deeply");
    open_.push_back(Add(std::move(container)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  Json root_;
  std::vector<Json*> open_;  // containers from the root to the innermost
  std::string key_;
  std::string error_;
};

}  // namespace

absl::StatusOr<Json> ParseJsonWithDecimals(std::string_view text) {
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return absl::InvalidArgumentError(builder.error());
  }
  return std::move(builder).Take();
}

bool IsNumber(const Json& json) { return json.is_number() || json.is_binary(); }

absl::StatusOr<Number> NumberOf(const Json& json) {
  if (json.is_binary()) {
    const Json::binary_t& text = json.get_binary();
    return Number::FromDecimal(std::string(text.begin(), text.end()));
  }
  if (json.is_number_unsigned()) {
    const auto natural = json.get<uint64_t>();
    if (natural > static_cast<uint64_t>(INT64_MAX)) return Number(natural);
    return Number(static_cast<int64_t>(natural));
  }
  if (json.is_number_integer()) return Number(json.get<int64_t>());
  return absl::InvalidArgumentError("not a number");
}

}  // namespace delivery::value
