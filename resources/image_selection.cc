#include "resources/image_selection.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "provider/base/status_macros.h"
#include "provider/image_policy/tag.h"
#include "provider/oci/digest.h"

namespace delivery::resources {
namespace {

using image_policy::CreationTimes;
using image_policy::Ranking;
using image_policy::Skipped;

constexpr size_t kNamedInErrors = 5;

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// A pin holds its tag whatever the policy says (min_age, exclude); what it holds must still run and
// be signed.
absl::Status CheckAge(const SelectionRules& rules, const ImageFacts& facts, absl::Time now,
                      const ImageSource& source) {
  if (rules.min_age <= absl::ZeroDuration() || rules.pin.has_value()) return absl::OkStatus();
  if (!facts.created.has_value()) {
    return absl::FailedPreconditionError("its creation time is unknown, which min_age needs");
  }
  if (now - *facts.created >= rules.min_age) return absl::OkStatus();
  if (!source.LooksNow()) return absl::UnknownError("it may be old enough by now");
  return absl::FailedPreconditionError(
      absl::StrCat("younger than min_age: created ", Rfc3339(*facts.created)));
}

absl::Status CheckPlatform(const SelectionRules& rules, const ImageFacts& facts) {
  if (!rules.platform.has_value()) return absl::OkStatus();
  for (const std::string& text : facts.platforms) {
    const absl::StatusOr<oci::Platform> offered = oci::ParsePlatform(text);
    if (offered.ok() && oci::Matches(*rules.platform, *offered)) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("not made for ", rules.platform->Text()));
}

absl::Status CheckDigestAllowed(const SelectionRules& rules, const std::string& digest) {
  if (rules.pin.has_value() || !Contains(rules.exclude, digest)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("excluded by its digest ", digest));
}

// An image that is known already, by its digest.
absl::Status CheckImage(const SelectionRules& rules, const ImageFacts& facts, absl::Time now,
                        ImageSource& source) {
  DELIVERY_RETURN_IF_ERROR(CheckDigestAllowed(rules, facts.digest));
  DELIVERY_RETURN_IF_ERROR(CheckPlatform(rules, facts));
  DELIVERY_RETURN_IF_ERROR(CheckAge(rules, facts, now, source));
  return rules.key.has_value() ? source.Verify(facts.digest) : absl::OkStatus();
}

std::string SkippedText(const std::vector<Skipped>& skipped, size_t count) {
  std::string text;
  for (size_t i = 0; i < std::min(skipped.size(), kNamedInErrors); ++i) {
    absl::StrAppend(&text, "\n  ", skipped[i].tag, ": ", skipped[i].reason);
  }
  if (count > kNamedInErrors) absl::StrAppend(&text, "\n  and ", count - kNamedInErrors, " more");
  return text;
}

// The tags that `exclude` does not name; those that it names are added to `skipped`.
std::vector<std::string> WithoutExcluded(const SelectionRules& rules,
                                         const std::vector<std::string>& tags,
                                         std::vector<Skipped>& skipped) {
  const absl::flat_hash_set<std::string> exclude(rules.exclude.begin(), rules.exclude.end());
  std::vector<std::string> allowed;
  std::set<std::string> excluded;
  for (const std::string& tag : tags) {
    if (exclude.contains(tag)) {
      excluded.insert(tag);
    } else {
      allowed.push_back(tag);
    }
  }
  std::vector<std::string> newest(excluded.begin(), excluded.end());
  std::sort(newest.begin(), newest.end(), [](const std::string& a, const std::string& b) {
    return image_policy::CompareNaturally(a, b) > 0;
  });
  // They are the reader's own: others keep their place.
  if (newest.size() > kExplainedTags / 2) newest.resize(kExplainedTags / 2);
  for (std::string& tag : newest) skipped.push_back({std::move(tag), "excluded"});
  return allowed;
}

void AppendExplained(std::vector<Skipped> more, std::vector<Skipped>& skipped) {
  for (Skipped& one : more) skipped.push_back(std::move(one));
  if (skipped.size() > kExplainedTags) skipped.resize(kExplainedTags);
}

class Walk {
 public:
  Walk(const SelectionRules& rules, const std::vector<std::string>& tags,
       const std::optional<SelectedImage>& current, absl::Time now, ImageSource& source)
      : rules_(rules), tags_(tags), current_(current), now_(now), source_(source) {}

  absl::StatusOr<Selection> Run() {
    if (rules_.pin.has_value()) return Pinned();
    if (!rules_.policy.has_value()) return CurrentOnly();
    DELIVERY_ASSIGN_OR_RETURN(const Ranking ranking, RankAll());
    result_.candidates = static_cast<int64_t>(ranking.candidates.size());
    skipped_count_ = ranking.skipped_count + result_.skipped.size();
    for (const std::string& tag : ranking.candidates) {
      if (refused_.size() == kMostLooks) break;
      DELIVERY_ASSIGN_OR_RETURN(const bool taken, Take(tag));
      if (taken) {
        Explain(ranking.skipped);
        return std::move(result_);
      }
    }
    Explain(ranking.skipped);
    return Nothing();
  }

 private:
  absl::StatusOr<Selection> Pinned() {
    absl::StatusOr<SelectedImage> image = ExamineTag(rules_, *rules_.pin, now_, source_);
    if (image.ok()) {
      result_.image = *std::move(image);
      result_.candidates = 1;
      return std::move(result_);
    }
    if (!IsAboutOneImage(image.status())) return image.status();
    if (current_.has_value() && current_->tag == *rules_.pin) {
      DELIVERY_ASSIGN_OR_RETURN(const bool kept, Keep(image.status()));
      if (kept) return std::move(result_);
    }
    return absl::FailedPreconditionError(absl::StrCat("pin names the tag ", *rules_.pin, ": ",
                                                      std::string(image.status().message())));
  }

  absl::StatusOr<Selection> CurrentOnly() {
    if (!current_.has_value()) {
      return absl::FailedPreconditionError("nothing is selected, and there is no policy");
    }
    result_.image = *current_;
    result_.candidates = 1;
    return std::move(result_);
  }

  absl::StatusOr<Ranking> RankAll() {
    std::vector<std::string> tags = WithoutExcluded(rules_, tags_, result_.skipped);
    CreationTimes created;
    if (std::holds_alternative<image_policy::Newest>(rules_.policy->rule)) {
      DELIVERY_ASSIGN_OR_RETURN(
          TagTimes times, source_.CreationTimesOf(image_policy::Filtered(*rules_.policy, tags)));
      created = std::move(times.known);
      const auto is_unknown = [&](const std::string& tag) {
        return std::any_of(times.unknown.begin(), times.unknown.end(),
                           [&](const Skipped& one) { return one.tag == tag; });
      };
      if (!times.unknown.empty()) std::erase_if(tags, is_unknown);
      refused_ = std::move(times.unknown);
    }
    if (MayStay()) {
      tags.push_back(current_->tag);
      if (current_->facts.created.has_value()) {
        created.try_emplace(current_->tag, *current_->facts.created);
      }
    }
    return image_policy::Rank(*rules_.policy, std::move(tags), created, kExplainedTags);
  }

  bool MayStay() const {
    return !rules_.allow_downgrade && current_.has_value() && !current_->tag.empty() &&
           !Contains(rules_.exclude, current_->tag);
  }

  absl::StatusOr<bool> Take(const std::string& tag) {
    absl::StatusOr<SelectedImage> image = ExamineTag(rules_, tag, now_, source_);
    if (image.ok()) {
      result_.image = *std::move(image);
      return true;
    }
    if (!IsAboutOneImage(image.status())) return image.status();
    const bool unread = absl::IsAborted(image.status());
    const bool is_current = current_.has_value() && tag == current_->tag;
    if (is_current && (unread || MayStay())) {
      DELIVERY_ASSIGN_OR_RETURN(const bool kept, Keep(image.status()));
      if (kept) return true;
    }
    refused_.push_back({tag, std::string(image.status().message())});
    if (unread) result_.unread.push_back(refused_.back());
    return false;
  }

  // What the tag names now was refused: the image that it named stays, if the rules take it.
  absl::StatusOr<bool> Keep(const absl::Status& refusal) {
    const absl::Status allowed = CheckImage(rules_, current_->facts, now_, source_);
    if (!allowed.ok()) {
      if (IsAboutOneImage(allowed)) return false;
      return allowed;
    }
    result_.image = *current_;
    if (absl::IsAborted(refusal)) {
      result_.unread.push_back({current_->tag, std::string(refusal.message())});
    } else {
      result_.kept_because = WhyKept(refusal);
    }
    return true;
  }

  std::string WhyKept(const absl::Status& refusal) const {
    const std::string& tag = current_->tag;
    const std::string why(refusal.message());
    if (absl::IsNotFound(refusal)) {
      return absl::StrCat("the tag ", tag, " is no longer in the repository");
    }
    // It need not be another image: what is served may be damaged.
    if (absl::IsDataLoss(refusal)) {
      return absl::StrCat("what the tag ", tag, " names now cannot be used: ", why);
    }
    return absl::StrCat("the tag ", tag, " names another image now, which is refused: ", why);
  }

  // The best that were refused come first: they are what the reader wonders about.
  void Explain(const std::vector<Skipped>& ranked) {
    std::vector<Skipped> all = std::move(refused_);
    skipped_count_ += all.size();
    AppendExplained(std::move(result_.skipped), all);
    AppendExplained(ranked, all);
    result_.skipped = std::move(all);
  }

  absl::Status Nothing() const {
    if (tags_.empty()) return absl::FailedPreconditionError("the repository has no tags");
    return absl::FailedPreconditionError(
        absl::StrFormat("none of the %d tags can be selected:%s", tags_.size(),
                        SkippedText(result_.skipped, skipped_count_)));
  }

  const SelectionRules& rules_;
  const std::vector<std::string>& tags_;
  const std::optional<SelectedImage>& current_;
  const absl::Time now_;
  ImageSource& source_;
  Selection result_;
  std::vector<Skipped> refused_;
  size_t skipped_count_ = 0;
};

}  // namespace

bool IsAboutOneImage(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
         absl::IsOutOfRange(status) || absl::IsPermissionDenied(status) || absl::IsAborted(status);
}

bool SelectionRules::LooksAtContent() const {
  return platform.has_value() || min_age > absl::ZeroDuration() || key.has_value() ||
         std::any_of(exclude.begin(), exclude.end(),
                     [](const std::string& one) { return oci::IsDigest(one); });
}

absl::StatusOr<SelectedImage> ExamineTag(const SelectionRules& rules, const std::string& tag,
                                         absl::Time now, ImageSource& source) {
  DELIVERY_ASSIGN_OR_RETURN(const std::string digest, source.DigestOf(tag));
  DELIVERY_RETURN_IF_ERROR(CheckDigestAllowed(rules, digest));
  SelectedImage image{tag, {}};
  DELIVERY_ASSIGN_OR_RETURN(image.facts, source.Describe(tag, digest));
  DELIVERY_RETURN_IF_ERROR(CheckImage(rules, image.facts, now, source));
  return image;
}

absl::StatusOr<Selection> SelectImage(const SelectionRules& rules,
                                      const std::vector<std::string>& tags,
                                      const std::optional<SelectedImage>& current, absl::Time now,
                                      ImageSource& source) {
  return Walk(rules, tags, current, now, source).Run();
}

std::optional<Selection> SelectByName(const SelectionRules& rules,
                                      const std::vector<std::string>& tags) {
  Selection selection;
  if (rules.pin.has_value()) {
    selection.image.tag = *rules.pin;
    selection.candidates = 1;
    return selection;
  }
  if (!rules.policy.has_value() ||
      std::holds_alternative<image_policy::Newest>(rules.policy->rule)) {
    return std::nullopt;
  }
  std::vector<std::string> allowed = WithoutExcluded(rules, tags, selection.skipped);
  Ranking ranking = image_policy::Rank(*rules.policy, std::move(allowed), {}, kExplainedTags);
  if (ranking.candidates.empty()) return std::nullopt;
  selection.image.tag = ranking.candidates.front();
  selection.candidates = static_cast<int64_t>(ranking.candidates.size());
  AppendExplained(std::move(ranking.skipped), selection.skipped);
  return selection;
}

}  // namespace delivery::resources
