#include "resources/command_line.h"

#include <memory>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/system/test_folder.h"
#include "resources/provider.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CommandLineTest : public ::testing::Test {
 protected:
  std::optional<int> Run(const std::vector<std::string>& arguments, bool terminal = false) {
    out_.str("");
    errors_.str("");
    const Console console{.version = "1.2.3",
                          .provider_address = "registry.test/delivery-tf/delivery",
                          .out = out_,
                          .errors = errors_,
                          .progress = terminal,
                          .colours = terminal};
    return RunCommand(arguments, *provider_, console);
  }
  std::ostringstream out_;
  std::ostringstream errors_;
  const std::unique_ptr<plugin::Provider> provider_ = MakeProvider(Clock::Real(), {}, {}, {});
};

TEST_F(CommandLineTest, ServesWithoutArgumentsAndForDebugging) {
  EXPECT_EQ(Run({}), std::nullopt);
  EXPECT_EQ(Run({"debug"}), std::nullopt);
}

TEST_F(CommandLineTest, PrintsTheVersionAlone) {
  EXPECT_EQ(Run({"version"}), 0);
  EXPECT_EQ(out_.str(), "1.2.3\n");
}

TEST_F(CommandLineTest, HelpHasColoursOnATerminalOnly) {
  EXPECT_EQ(Run({"help"}), 0);
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("terraform init"), HasSubstr("schema"), Not(HasSubstr("\033"))));
  EXPECT_EQ(Run({"help"}, true), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\033[1mschema"));
}

TEST_F(CommandLineTest, WhatItDoesNotKnowGetsHelpAsAnError) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"verison"}, {"version", "now"}, {"docs", "a", "b"}}) {
    EXPECT_EQ(Run(arguments, true), 2);
    EXPECT_THAT(out_.str(), IsEmpty());
    EXPECT_THAT(errors_.str(), AllOf(HasSubstr("usage:"), Not(HasSubstr("\033"))));
  }
}

TEST_F(CommandLineTest, SchemaIsThatOfTheProvider) {
  EXPECT_EQ(Run({"schema"}), 0);
  const Json schema = ParseJson(out_.str()).value();
  const Json& ours = schema["provider_schemas"]["registry.test/delivery-tf/delivery"];
  const Json& images =
      ours["resource_schemas"]["delivery_rollout"]["block"]["attributes"]["images"];
  EXPECT_EQ(images["type"], ParseJson(R"(["map", "string"])").value());
  EXPECT_TRUE(ours["functions"].contains("parse_image"));
}

TEST_F(CommandLineTest, DocsNamesItsPagesOnATerminalOnly) {
  const system::TestFolder folder;
  EXPECT_EQ(Run({"docs", folder.path()}), 0);
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_EQ(Run({"docs", folder.path()}, true), 0);
  EXPECT_THAT(out_.str(), HasSubstr(folder.Path("docs/resources/rollout.md")));
  EXPECT_TRUE(folder.Has("docs/index.md"));
}

TEST_F(CommandLineTest, DocsThatCannotBeWrittenAreAnError) {
  const system::TestFolder folder;
  folder.Write("docs", "a file, no folder");
  EXPECT_EQ(Run({"docs", folder.path()}), 1);
  EXPECT_THAT(errors_.str(), HasSubstr("docs/index.md"));
}

}  // namespace
}  // namespace delivery::resources
