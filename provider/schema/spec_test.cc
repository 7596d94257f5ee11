#include "provider/schema/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/value/msgpack.h"

namespace delivery::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using value::Value;

struct Step {
  Attr<int64_t> weight;
  Attr<std::string> hold;
  static const Spec<Step>& Declaration();
};
const Spec<Step>& Step::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<Step>("A step.");
    s->Field("weight", &Step::weight).Required().Between(1, 100).Doc("Share.");
    s->Field("hold", &Step::hold).Default("1m").GoDuration().Doc("Time.");
    return s;
  }();
  return *spec;
}

struct Status {
  Attr<std::string> phase;
  static const Spec<Status>& Declaration();
};
const Spec<Status>& Status::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<Status>("Where it is.");
    s->Field("phase", &Status::phase).Computed().Doc("Phase.");
    return s;
  }();
  return *spec;
}

struct Common {
  Attr<std::string> mode;
  Attr<bool> force;
  static const Spec<Common>& Declaration();
};
const Spec<Common>& Common::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<Common>("Common.");
    s->Field("mode", &Common::mode).Default("correct").OneOf({"correct", "report"}).Doc("Mode.");
    s->Field("force", &Common::force).Default(false).Doc("Force.");
    return s;
  }();
  return *spec;
}

struct Model {
  Attr<Value> manifest;
  Attr<std::map<std::string, Attr<std::string>>> images;
  Attr<std::vector<Attr<std::string>>> ignore;
  Attr<value::Number> ratio;
  Common common;
  Attr<std::vector<Step>> step;
  Attr<Step> last;
  Attr<Status> status;
  Attr<std::string> id;
  static const Spec<Model>& Declaration();
};
const Spec<Model>& Model::Declaration() {
  static const auto* const spec = [] {
    auto* s = new Spec<Model>("A model.");
    s->Field("manifest", &Model::manifest).Required().Doc("Any object.");
    s->Field("images", &Model::images).Optional().Doc("Images.");
    s->Field("ignore", &Model::ignore).Default({}).Doc("Ignored.");
    s->Field("ratio", &Model::ratio).Optional().Doc("Ratio.");
    s->Embed(&Model::common);
    s->BlockList("step", &Model::step);
    s->Block("last", &Model::last);
    s->Field("status", &Model::status).Computed().Doc("Status.");
    s->Field("id", &Model::id).Computed(OnChange::kKeepPrior).Doc("Id.");
    return s;
  }();
  return *spec;
}

Model Known() {
  Model m;
  m.manifest = Value::Object({{"a", Value::Tuple({Value::Number(1), Value::String("x")})}});
  m.images = std::map<std::string, Attr<std::string>>{{"web", std::string("i:1")},
                                                      {"b", Attr<std::string>::Unknown()}};
  m.ratio = value::Number::FromDecimal("0.1").value();
  m.step = std::vector<Step>{{5, std::string("2m")}, {50, {}}};
  m.status = Status{std::string("Succeeded")};
  return m;
}

TEST(SpecTest, DeclarationHasNoProblems) {
  EXPECT_THAT(Model::Declaration().Problems(), IsEmpty());
  EXPECT_THAT(Step::Declaration().Problems(), IsEmpty());
}

TEST(SpecTest, ForgottenMemberAndContradictionsAreFound) {
  struct Partial {
    Attr<std::string> a;
    Attr<std::string> b;
  };
  Spec<Partial> spec("doc");
  spec.Field("a", &Partial::a).Required().Optional();
  EXPECT_THAT(spec.Problems(),
              ElementsAre("a is required and something else too", "a has no documentation",
                          "the struct has 2 members, declared are 1"));
}

TEST(SpecTest, ImpliedTypeFollowsMembers) {
  const auto attributes = Model::Declaration().ImpliedType().attributes();
  EXPECT_EQ(attributes.at("manifest"), value::Type::Dynamic());
  EXPECT_EQ(attributes.at("images"), value::Type::Map(value::Type::String()));
  EXPECT_EQ(attributes.at("mode"), value::Type::String());
  EXPECT_EQ(attributes.at("step").kind(), value::Type::Kind::kList);
  EXPECT_EQ(attributes.at("last").kind(), value::Type::Kind::kObject);
}

TEST(SpecTest, EncodeAndDecodeRoundTripThroughTheWire) {
  const Spec<Model>& spec = Model::Declaration();
  const Value encoded = spec.Encode(Known());
  const auto wire = value::EncodeMsgpack(encoded, spec.ImpliedType());
  ASSERT_TRUE(wire.ok()) << wire.status();
  const auto read = value::DecodeMsgpack(*wire, spec.ImpliedType());
  ASSERT_TRUE(read.ok()) << read.status();
  Diagnostics diagnostics;
  EXPECT_EQ(spec.Encode(spec.Decode(*read, {}, diagnostics)), encoded);
  EXPECT_TRUE(diagnostics.empty());
}

TEST(SpecTest, UnknownBlockListIsEchoed) {
  const Spec<Model>& spec = Model::Declaration();
  Model m = Known();
  m.step = Attr<std::vector<Step>>::Unknown();
  Diagnostics diagnostics;
  EXPECT_TRUE(spec.Decode(spec.Encode(m), {}, diagnostics).step.is_unknown());
}

TEST(SpecTest, ValidationNamesEachPath) {
  Model m = Known();
  m.common.mode = std::string("corect");
  m.step = std::vector<Step>{{0, std::string("soon")}};
  Diagnostics diagnostics;
  Model::Declaration().Validate(m, {}, diagnostics);
  ASSERT_EQ(diagnostics.list().size(), 3u);
  EXPECT_EQ(diagnostics.list()[0].path.ToString(), "mode");
  EXPECT_THAT(diagnostics.list()[0].detail, HasSubstr("not \"corect\""));
  EXPECT_EQ(diagnostics.list()[1].path.ToString(), "step[0].weight");
  EXPECT_EQ(diagnostics.list()[2].path.ToString(), "step[0].hold");
}

TEST(SpecTest, FractionForWholeNumberIsAnErrorWithPath) {
  const Value step = Value::Object({{"weight", Value::Number(value::Number(0.5))},
                                    {"hold", Value::Null(value::Type::String())}});
  Diagnostics diagnostics;
  Step::Declaration().Decode(step, value::Path::Of("last"), diagnostics);
  ASSERT_EQ(diagnostics.list().size(), 1u);
  EXPECT_EQ(diagnostics.list()[0].path.ToString(), "last.weight");
}

TEST(SpecTest, DefaultsFillOnlyWhatIsNull) {
  Model m = Known();
  m.common.force = true;
  Model::Declaration().ApplyDefaults(m);
  EXPECT_EQ(m.common.mode.value(), "correct");
  EXPECT_TRUE(m.common.force.value());
  EXPECT_EQ(m.step.value()[0].hold.value(), "2m");
  EXPECT_EQ(m.step.value()[1].hold.value(), "1m");
  EXPECT_TRUE(m.ignore.value().empty());
}

TEST(SpecTest, ComputedBecomeUnknownOrKeepPrior) {
  Model prior = Known();
  prior.id = std::string("ns/name");
  Model planned = Known();
  Model::Declaration().PlanComputed(Model(), &prior, planned);
  EXPECT_TRUE(planned.status.is_unknown());
  EXPECT_EQ(planned.id.value(), "ns/name");
  Model::Declaration().PlanComputed(Model(), nullptr, planned);
  EXPECT_TRUE(planned.id.is_unknown());
}

TEST(GoDurationTest, ParsesWhatGoParses) {
  EXPECT_EQ(ParseGoDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseGoDuration("1.5s"), absl::Milliseconds(1500));
  EXPECT_EQ(ParseGoDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(ParseGoDuration("0"), absl::ZeroDuration());
  for (const char* bad : {"", "5", "-5s", "5 s", "s", "1d", "1..5s", "5sm", "9e9h", "inf"}) {
    EXPECT_FALSE(ParseGoDuration(bad).has_value()) << bad;
  }
  EXPECT_FALSE(ParseGoDuration("99999999999h").has_value());
}

}  // namespace
}  // namespace delivery::schema
