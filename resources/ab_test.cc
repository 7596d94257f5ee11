// delivery_ab_test: a variant of a workload serves a part of its users for a while, and is compared
// with it.
#include <memory>
#include <optional>
#include <string>

#include "provider/schema/rules.h"
#include "resources/catalog.h"
#include "resources/variant_resource.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

struct AbTest {
  VariantArguments arguments;
  Attr<MatchBlock> match;
  Attr<int64_t> weight;
  Attr<std::string> duration;
  Attr<bool> ended;
  VariantResults results;

  static const Spec<AbTest>& Declaration() {
    static const auto* const spec = [] {
      auto* s = new Spec<AbTest>(
          "Compares a variant of a Deployment with it: variant B is made from the live pod "
          "template "
          "of variant A with other images or variables, gets the requests that match (or a share), "
          "and each refresh measures both and reports which is better. A itself is never written, "
          "and nothing is left when the test ends.");
      s->Embed(&AbTest::arguments);
      s->Block("match", &AbTest::match);
      s->Field("weight", &AbTest::weight)
          .Optional()
          .Between(1, 100)
          .Doc("Percent of the requests that B gets, where `match` does not say which.");
      s->Field("duration", &AbTest::duration)
          .Optional()
          .GoDuration()
          .Doc(
              "How long B serves, as a Go duration such as `72h`. A refresh stores that the time "
              "is "
              "over in `ended`; the next apply takes B out of the route and removes it. Without it "
              "B serves until the resource is destroyed.");
      s->Field("ended", &AbTest::ended)
          .Computed()
          .Doc(
              "Whether the test's time was over at the last refresh. The report is then final; "
              "another `duration` begins a new test.");
      s->Embed(&AbTest::results);
      return s;
    }();
    return *spec;
  }
};

absl::Duration DurationOf(const AbTest& model) {
  if (!model.duration.is_known()) return absl::InfiniteDuration();
  return schema::ParseGoDuration(model.duration.value()).value_or(absl::InfiniteDuration());
}

bool IsPast(const AbTest& started, absl::Duration duration, absl::Time now) {
  const std::optional<absl::Time> start = StartOf(started.results);
  return start.has_value() && now >= *start + duration;
}

class AbTestResource final : public VariantResource<AbTest> {
 public:
  explicit AbTestResource(const Cluster& cluster) : VariantResource("delivery_ab_test", cluster) {}

 protected:
  void ValidateConfig(const AbTest& config, Diagnostics& diagnostics) const override {
    ValidateVariant(config.arguments, config.match, diagnostics);
    if (!config.match.is_null() && !config.weight.is_null()) {
      diagnostics.Error(Path::Of("weight"), "Both match and weight",
                        "Either match says which requests B gets, or weight how many of all. "
                        "Remove one of them.");
    } else if (config.match.is_null() && config.weight.is_null()) {
      diagnostics.Error(Path::Of("match"), "Neither match nor weight",
                        "Add a match block for the requests that B gets, or weight for its share.");
    }
    if (config.duration.is_known() &&
        schema::ParseGoDuration(config.duration.value()) == absl::ZeroDuration()) {
      diagnostics.Error(Path::Of("duration"), "A test without time",
                        "duration must be longer than nothing; remove it to test without an end.");
    }
  }

  VariantWish WishOf(const AbTest& model) const override {
    VariantWish wish;
    wish.resource_type = "delivery_ab_test";
    wish.words = {
        .noun = "variant B", .suffix = "-b", .track = "b", .labels_argument = "variant_labels"};
    wish.match = ToMatch(model.match);
    wish.weight = static_cast<int>(model.weight.value_or(0));
    return wish;
  }

  bool AsksForMore(const AbTest& planned, const AbTest& prior) const override {
    const auto asked = [](const AbTest& model) {
      AbTest own;
      own.match = model.match;
      own.weight = model.weight;
      return AbTest::Declaration().Encode(own);
    };
    // What has ended gets no requests, whichever they would be.
    const bool serves = prior.results.serving.value_or(false);
    return ChangesTime(planned, prior) || (serves && !(asked(planned) == asked(prior)));
  }
  bool IsOver(const AbTest& model) const override { return model.ended.value_or(false); }
  bool ChangesTime(const AbTest& planned, const AbTest& prior) const override {
    return DurationOf(planned) != DurationOf(prior);
  }

  void NoteTime(AbTest& model, absl::Time now) const override {
    model.ended = model.ended.value_or(false) || IsPast(model, DurationOf(model), now);
  }

  bool MayServe(const AbTest* prior, AbTest& planned, absl::Time now) const override {
    bool over = false;
    if (prior != nullptr) {
      over = ChangesTime(planned, *prior) ? IsPast(*prior, DurationOf(planned), now)
                                          : prior->ended.value_or(false);
    }
    planned.ended = over;
    return !over;
  }

  void PlanMore(const AbTest* prior, AbTest& model) const override {
    model.ended = prior != nullptr ? prior->ended : Attr<bool>::Unknown();
  }
  void FillMore(AbTest& model) const override {
    if (!model.ended.is_known()) model.ended = false;
  }
  void ImportMore(AbTest& model) const override { model.ended = false; }
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeAbTest(const Cluster& cluster) {
  return std::make_unique<AbTestResource>(cluster);
}

}  // namespace delivery::resources
