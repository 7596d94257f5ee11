#include "resources/image_policy_arguments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"
#include "provider/oci/reference.h"
#include "provider/schema/rules.h"
#include "provider/value/json_codec.h"
#include "provider/value/utf8.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

constexpr char kAscending[] = "asc";

image_policy::Order ToOrder(const Attr<std::string>& order) {
  return order.value_or(kAscending) == kAscending ? image_policy::Order::kAscending
                                                  : image_policy::Order::kDescending;
}

template <typename B>
Spec<B>* OrderSpec(const char* doc, const char* order_doc) {
  auto* s = new Spec<B>(doc);
  s->Field("order", &B::order).Optional().OneOf({"asc", "desc"}).Doc(order_doc);
  return s;
}

void AddStatus(const absl::Status& status, const Path& path, const char* summary,
               Diagnostics& diagnostics) {
  if (!status.ok()) diagnostics.Error(path, summary, std::string(status.message()));
}

std::vector<std::string> KindsOf(const PolicyBlock& policy) {
  std::vector<std::string> kinds;
  if (!policy.semver.is_null()) kinds.push_back("semver");
  if (!policy.alphabetical.is_null()) kinds.push_back("alphabetical");
  if (!policy.numerical.is_null()) kinds.push_back("numerical");
  if (!policy.newest.is_null()) kinds.push_back("newest");
  return kinds;
}

void ValidatePolicy(const ImageArguments& arguments, Diagnostics& diagnostics) {
  const Path path = Path::Of("policy");
  if (arguments.policy.is_unknown()) return;
  const std::vector<std::string> kinds =
      arguments.policy.is_known() ? KindsOf(arguments.policy.value()) : std::vector<std::string>();
  if (kinds.size() != 1) {
    diagnostics.Error(
        path, "A policy is needed",
        absl::StrCat("Exactly one of the blocks semver, alphabetical, numerical and newest says "
                     "which tag is selected; ",
                     kinds.empty()
                         ? "there is none."
                         : absl::StrCat("there are ", absl::StrJoin(kinds, " and "), ".")));
    return;
  }
  const Attr<SemverBlock>& semver = arguments.policy->semver;
  if (semver.is_known() && semver->range.is_known()) {
    AddStatus(image_policy::Range::Parse(semver->range.value()).status(),
              path.Attr("semver").Attr("range"), "Invalid version range", diagnostics);
  }
}

void ValidateFilter(const Attr<FilterTagsBlock>& filter, Diagnostics& diagnostics) {
  if (!filter.is_known() || !filter->pattern.is_known()) return;
  const Path path = Path::Of("filter_tags");
  const std::string& pattern = filter->pattern.value();
  const absl::Status alone = image_policy::TagFilter::Compile(pattern, "").status();
  if (!alone.ok()) {
    AddStatus(alone, path.Attr("pattern"), "Invalid pattern", diagnostics);
  } else if (filter->extract.is_known()) {
    AddStatus(image_policy::TagFilter::Compile(pattern, filter->extract.value()).status(),
              path.Attr("extract"), "Invalid template", diagnostics);
  }
}

void ValidateVerify(const Attr<VerifyBlock>& verify, Diagnostics& diagnostics) {
  if (!verify.is_known()) return;
  const Path path = Path::Of("verify");
  if (verify->cosign.is_null()) {
    diagnostics.Error(path, "Nothing to verify with",
                      "Add a cosign block with the public key, or remove verify.");
    return;
  }
  if (!verify->cosign.is_known() || !verify->cosign->public_key.is_known()) return;
  const auto key = oci::PublicKey::Parse(verify->cosign->public_key.value());
  if (key.ok()) return;
  diagnostics.Error(path.Attr("cosign").Attr("public_key"), "Invalid public key",
                    absl::StrCat("public_key ", std::string(key.status().message())));
}

void ValidateNames(const ImageArguments& arguments, Diagnostics& diagnostics) {
  if (arguments.repository.is_known()) {
    AddStatus(oci::ParseRepository(arguments.repository.value()).status(), Path::Of("repository"),
              "Invalid repository", diagnostics);
  }
  if (arguments.platform.is_known()) {
    AddStatus(oci::ParsePlatform(arguments.platform.value()).status(), Path::Of("platform"),
              "Invalid platform", diagnostics);
  }
  if (arguments.pin.is_known() && !oci::IsTag(arguments.pin.value())) {
    diagnostics.Error(Path::Of("pin"), "Invalid tag",
                      absl::StrCat("\"", arguments.pin.value(),
                                   "\" is not a tag: letters, digits, _, . and -, at most 128 of "
                                   "them. pin holds a tag; without a pin it is null."));
  }
  if (!arguments.exclude.is_known()) return;
  const auto& exclude = arguments.exclude.value();
  for (size_t i = 0; i < exclude.size(); ++i) {
    const Path path = Path::Of("exclude").At(static_cast<int64_t>(i));
    if (exclude[i].is_null()) {
      diagnostics.Error(path, "Missing value", "Name a tag or a digest.");
    }
    if (!exclude[i].is_known()) continue;
    const std::string& one = exclude[i].value();
    if (!oci::IsTag(one) && !oci::IsDigest(one)) {
      diagnostics.Error(path, "Neither a tag nor a digest",
                        absl::StrCat("\"", one,
                                     "\" is neither a tag (1.4.2) nor a digest (sha256: and 64 "
                                     "hexadecimal digits)."));
    } else if (arguments.pin.is_known() && arguments.pin.value() == one) {
      diagnostics.Error(Path::Of("pin"), "Pinned and excluded",
                        absl::StrCat("pin holds ", one, ", which exclude rules out."));
    }
  }
}

}  // namespace

const Spec<SemverBlock>& SemverBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<SemverBlock>("The highest semantic version in a range.");
    s->Field("range", &SemverBlock::range)
        .Required()
        .Doc(
            "As in Flux's image policies (Masterminds/semver): `>=1.0.0 <2.0.0`, `^1.2`, `~1.4`, "
            "`1.x`, `1.2 - 1.9`, `||`. Pre-releases only where the range names one "
            "(`>=1.0.0-0`).");
    return s;
  }();
  return *spec;
}

const Spec<AlphabeticalBlock>& AlphabeticalBlock::Declaration() {
  static const auto* const spec = OrderSpec<AlphabeticalBlock>(
      "The last tag in the order of the bytes.",
      "`asc` (default): the last one is selected; `desc`: the first one.");
  return *spec;
}

const Spec<NumericalBlock>& NumericalBlock::Declaration() {
  static const auto* const spec =
      OrderSpec<NumericalBlock>("The largest number, of any length.",
                                "`asc` (default): the largest is selected; `desc`: the smallest.");
  return *spec;
}

const Spec<NewestBlock>& NewestBlock::Declaration() {
  static const auto* const spec = new Spec<NewestBlock>(
      "The image created last. Every tag that passes filter_tags is looked up at each refresh: "
      "keep them few.");
  return *spec;
}

const Spec<PolicyBlock>& PolicyBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<PolicyBlock>("How tags are ordered: exactly one of the blocks in it.");
    s->Block("semver", &PolicyBlock::semver);
    s->Block("alphabetical", &PolicyBlock::alphabetical);
    s->Block("numerical", &PolicyBlock::numerical);
    s->Block("newest", &PolicyBlock::newest);
    return s;
  }();
  return *spec;
}

const Spec<FilterTagsBlock>& FilterTagsBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<FilterTagsBlock>("Which tags are looked at, and what of them is compared.");
    s->Field("pattern", &FilterTagsBlock::pattern)
        .Required()
        .Doc("Regular expression (RE2) that is found in the tag; `^` and `$` anchor it.");
    s->Field("extract", &FilterTagsBlock::extract)
        .Optional()
        .Doc("Template of the pattern's groups that is compared instead of the tag: `$ts`, `$1`.");
    return s;
  }();
  return *spec;
}

const Spec<CosignBlock>& CosignBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<CosignBlock>("A signature made with `cosign sign --key`.");
    s->Field("public_key", &CosignBlock::public_key)
        .Required()
        .Doc("PEM of the public key (ECDSA, RSA or Ed25519): `file(\"cosign.pub\")`.");
    return s;
  }();
  return *spec;
}

const Spec<VerifyBlock>& VerifyBlock::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<VerifyBlock>(
        "Only signed images are selected: those that are unsigned or badly signed are skipped.");
    s->Block("cosign", &VerifyBlock::cosign);
    return s;
  }();
  return *spec;
}

const Spec<ImageArguments>& ImageArguments::Declaration() {
  using A = ImageArguments;
  static const auto* const spec = [] {
    auto* s = new Spec<A>("Arguments of an image selection.");
    s->Field("repository", &A::repository)
        .Required()
        .Doc("Repository without tag and digest: `registry.example.com/team/web`.");
    s->Block("policy", &A::policy).Required();
    s->Block("filter_tags", &A::filter_tags);
    s->Field("platform", &A::platform)
        .Optional()
        .Doc("`os/architecture[/variant]`: images that are not made for it are skipped.");
    s->Field("min_age", &A::min_age)
        .Optional()
        .GoDuration()
        .Doc("Images that were created less than this ago are skipped.");
    s->Field("exclude", &A::exclude).Optional().Doc("Tags and digests that are never selected.");
    s->Field("pin", &A::pin)
        .Optional()
        .Doc(
            "Holds this tag, whatever the policy, `min_age` and digests in `exclude` say. A tag "
            "that "
            "was selected before is held with the digest that it had then.");
    s->Field("allow_downgrade", &A::allow_downgrade)
        .Default(false)
        .Doc(
            "Follow the policy down when the selected tag vanishes, or names an image that is "
            "refused. Otherwise the selection stays, with a warning.");
    s->Field("with_digest", &A::with_digest)
        .Default(true)
        .Doc("`image` is `repository:tag@digest`; without it `repository:tag`.");
    s->Block("verify", &A::verify);
    s->Field("timeout", &A::timeout)
        .Default("1m")
        .GoDuration()
        .Doc("Bound on asking the registry, all requests and repetitions together.");
    return s;
  }();
  return *spec;
}

const Spec<SkippedTag>& SkippedTag::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<SkippedTag>("A tag that was not selected.");
    s->Field("tag", &SkippedTag::tag).Computed().Doc("The tag.");
    s->Field("reason", &SkippedTag::reason).Computed().Doc("Why.");
    return s;
  }();
  return *spec;
}

void ValidateImageArguments(const ImageArguments& arguments, Diagnostics& diagnostics) {
  ValidateNames(arguments, diagnostics);
  ValidatePolicy(arguments, diagnostics);
  ValidateFilter(arguments.filter_tags, diagnostics);
  ValidateVerify(arguments.verify, diagnostics);
}

namespace {

// The arguments that decide, the others null.
ImageArguments Deciding(ImageArguments arguments) {
  arguments.with_digest = {};
  arguments.timeout = {};
  return arguments;
}

}  // namespace

bool DecidesWhatToSelect(const ImageArguments& arguments) {
  return ImageArguments::Declaration().Encode(Deciding(arguments)).IsWhollyKnown();
}

bool SelectsDifferently(const ImageArguments& a, const ImageArguments& b) {
  const auto& spec = ImageArguments::Declaration();
  return !(spec.Encode(Deciding(a)) == spec.Encode(Deciding(b)));
}

namespace {

absl::StatusOr<image_policy::Policy> ToPolicy(const ImageArguments& arguments) {
  image_policy::Policy policy{image_policy::Newest(), std::nullopt};
  const PolicyBlock& block = arguments.policy.value();
  if (block.semver.is_known()) {
    DELIVERY_ASSIGN_OR_RETURN(image_policy::Range range,
                              image_policy::Range::Parse(block.semver->range.value_or("")));
    policy.rule = image_policy::Semver{std::move(range)};
  } else if (block.alphabetical.is_known()) {
    policy.rule = image_policy::Alphabetical{ToOrder(block.alphabetical->order)};
  } else if (block.numerical.is_known()) {
    policy.rule = image_policy::Numerical{ToOrder(block.numerical->order)};
  }
  if (arguments.filter_tags.is_known()) {
    DELIVERY_ASSIGN_OR_RETURN(policy.filter, image_policy::TagFilter::Compile(
                                                 arguments.filter_tags->pattern.value_or(""),
                                                 arguments.filter_tags->extract.value_or("")));
  }
  return policy;
}

// Policies with the same one order the same tags alike.
std::string OrderIdOf(const ImageArguments& arguments) {
  ImageArguments order;
  order.policy = arguments.policy;
  order.filter_tags = arguments.filter_tags;
  const auto& spec = ImageArguments::Declaration();
  return oci::Sha256Of(value::EncodeJson(spec.Encode(order), spec.ImpliedType()).value_or(""));
}

}  // namespace

absl::StatusOr<SelectionRules> ToRules(const ImageArguments& arguments) {
  SelectionRules rules;
  if (arguments.policy.is_known()) {
    DELIVERY_ASSIGN_OR_RETURN(rules.policy, ToPolicy(arguments));
    rules.order_id = OrderIdOf(arguments);
  }
  if (arguments.platform.is_known()) {
    DELIVERY_ASSIGN_OR_RETURN(rules.platform, oci::ParsePlatform(arguments.platform.value()));
  }
  rules.min_age =
      schema::ParseGoDuration(arguments.min_age.value_or("0s")).value_or(absl::ZeroDuration());
  rules.exclude = KnownStrings(arguments.exclude);
  if (arguments.pin.is_known()) rules.pin = arguments.pin.value();
  rules.allow_downgrade = arguments.allow_downgrade.value_or(false);
  if (arguments.verify.is_known() && arguments.verify->cosign.is_known()) {
    const std::string& pem = arguments.verify->cosign->public_key.value();
    DELIVERY_ASSIGN_OR_RETURN(rules.key, oci::PublicKey::Parse(pem));
    rules.key_id = oci::Sha256Of(pem);
  }
  return rules;
}

absl::Duration TimeoutOf(const ImageArguments& arguments) {
  return schema::ParseGoDuration(arguments.timeout.value_or("1m")).value_or(absl::Minutes(1));
}

std::string ImageText(const ImageArguments& arguments, const std::string& tag,
                      const std::string& digest) {
  std::string text = arguments.repository.value();
  if (!tag.empty()) absl::StrAppend(&text, ":", tag);
  if (tag.empty() || arguments.with_digest.value_or(true)) absl::StrAppend(&text, "@", digest);
  return text;
}

std::string LookFailureText(const absl::Status& status) {
  std::string text(status.message());
  if (absl::IsDeadlineExceeded(status)) {
    absl::StrAppend(&text,
                    ". timeout bounds all requests together: raise it if the registry is slow, or "
                    "narrow filter_tags.");
  }
  return text;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

SkippedTags ToSkippedTags(const std::vector<image_policy::Skipped>& skipped) {
  SkippedTags tags;
  for (const image_policy::Skipped& one : skipped) {
    // Reasons quote what registries answer; the hosts take nothing but UTF-8.
    const bool printable = value::IsValidUtf8(one.reason);
    tags.push_back(SkippedTag{one.tag, printable ? one.reason : absl::CHexEscape(one.reason)});
  }
  return tags;
}

}  // namespace delivery::resources
