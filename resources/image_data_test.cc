// data "delivery_image".
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/plugin/plan_check.h"
#include "resources/image_policy_fixture.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using value::Type;
using value::Value;

class ImageDataTest : public ImageFixture {
 protected:
  ImageDataTest() {
    digest_ = Push("1.4.0");
    Push("1.3.9", {{"created", "2023-10-01T00:00:00Z"}});
    Push("latest");
  }

  plugin::ReadResponse Read(const ImageArguments& arguments) {
    const Value config = ConfigOf(data_->schema(), arguments);
    EXPECT_THAT(Said(data_->Validate(config)), IsEmpty());
    plugin::ReadResponse read = data_->Read({stop_.get_token()}, config);
    EXPECT_THAT(plugin::CheckRead(data_->schema(), read.state), IsEmpty());
    if (read.diagnostics.HasErrors()) return read;
    // The hosts refuse an answer that changes what is configured.
    for (const auto& [name, given] : config.entries()) {
      if (given.is_null()) continue;
      EXPECT_EQ(read.state.Get(name), given) << name;
    }
    return read;
  }

  const std::unique_ptr<plugin::DataSource> data_ = MakeImageData(registries_);
  std::stop_source stop_;
  std::string digest_;
};

TEST_F(ImageDataTest, SelectsNow) {
  const plugin::ReadResponse read = Read(Semver("^1.0.0"));
  EXPECT_THAT(Said(read.diagnostics), IsEmpty());
  EXPECT_EQ(TextOf(read.state.Get("tag")), "1.4.0");
  EXPECT_EQ(TextOf(read.state.Get("digest")), digest_);
  EXPECT_EQ(TextOf(read.state.Get("image")), absl::StrCat(kRepository, ":1.4.0@", digest_));
  EXPECT_EQ(TextOf(read.state.Get("created_at")), "2023-11-01T00:00:00Z");
  EXPECT_EQ(read.state.Get("platforms"),
            Value::MakeList(Type::String(), {Value::String("linux/amd64")}));
  EXPECT_EQ(read.state.Get("candidates"), Value::Number(2));
  EXPECT_THAT(SkippedIn(read.state), ElementsAre("latest: not a semantic version"));
  EXPECT_EQ(read.state.Get("with_digest"), Value::Bool(true));
}

TEST_F(ImageDataTest, TakesTheSameArguments) {
  ImageArguments arguments = Semver("^1.0.0");
  arguments.min_age = std::string("500h");
  arguments.platform = std::string("linux/amd64");
  arguments.exclude = Texts({"1.5.0"});
  arguments.with_digest = false;
  EXPECT_EQ(TextOf(Read(arguments).state.Get("image")), absl::StrCat(kRepository, ":1.3.9"));
  arguments.pin = std::string("1.4.0");
  EXPECT_EQ(TextOf(Read(arguments).state.Get("tag")), "1.4.0");
}

TEST_F(ImageDataTest, RemembersNothing) {
  Read(Semver("*"));
  registry_->RemoveTag("team/web", "1.4.0");
  EXPECT_EQ(TextOf(Read(Semver("*")).state.Get("tag")), "1.3.9");
}

TEST_F(ImageDataTest, AnImageThatDoesNotTellWhenItWasMadeHasNoTime) {
  registry_->AddImage("team/web", "2.0.0");
  EXPECT_TRUE(Read(Semver("2.x")).state.Get("created_at").is_null());
}

TEST_F(ImageDataTest, MistakesAreSaidAtTheirPlaces) {
  ImageArguments arguments = Semver(">>1");
  arguments.min_age = std::string("soon");
  arguments.pin = std::string("a:b");
  EXPECT_THAT(Said(data_->Validate(ConfigOf(data_->schema(), arguments))),
              ::testing::UnorderedElementsAre(StartsWith("error at policy.semver.range: "),
                                              StartsWith("error at min_age: "),
                                              StartsWith("error at pin: ")));
}

TEST_F(ImageDataTest, NothingToSelectIsAnError) {
  const plugin::ReadResponse read = Read(Semver("^7.0.0"));
  EXPECT_TRUE(read.state.is_null());
  EXPECT_THAT(Said(read.diagnostics),
              ElementsAre(AllOf(StartsWith("error at repository: No image was selected"),
                                HasSubstr("\n  1.4.0: "))));
}

TEST_F(ImageDataTest, AnOutageIsAnErrorWithinTheTimeout) {
  ImageArguments arguments = Semver("*");
  arguments.timeout = std::string("20s");
  AnswerAlways(503);
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Said(Read(arguments).diagnostics), ElementsAre(HasSubstr("503")));
  EXPECT_LE(clock_.Now() - start, absl::Seconds(20));
}

TEST_F(ImageDataTest, RegistriesThatAreUnknownAreAnErrorThatSaysSo) {
  registries_.SetUnknown();
  EXPECT_THAT(Said(Read(Semver("*")).diagnostics),
              ElementsAre(HasSubstr("registry blocks are not known yet")));
  EXPECT_THAT(Requests(), IsEmpty());
}

TEST_F(ImageDataTest, AStopEndsIt) {
  stop_.request_stop();
  EXPECT_TRUE(Read(Semver("*")).state.is_null());
}

}  // namespace
}  // namespace delivery::resources
