#include "resources/docs.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/system/test_folder.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using value::Type;

schema::Attribute Attribute(std::string name, Type type, std::string description) {
  schema::Attribute attribute;
  attribute.name = std::move(name);
  attribute.type = std::move(type);
  attribute.description = std::move(description);
  return attribute;
}

// A schema with one of everything.
schema::Schema AllOfIt() {
  schema::Schema schema;
  schema.block.description = "Makes things.";
  schema::Attribute name = Attribute("name", Type::String(), "Its name.");
  name.required = true;
  name.rules_text = "short";
  schema::Attribute secret = Attribute("secret", Type::String(), "Its secret.");
  secret.optional = secret.sensitive = true;
  schema::Attribute labels = Attribute("labels", Type::Map(Type::List(Type::Number())), "Labels.");
  labels.optional = labels.computed = true;
  labels.default_text = "{}";
  schema::Attribute phase = Attribute("phase", Type::String(), "Where it is.");
  phase.computed = true;
  auto nested = std::make_shared<schema::NestedObject>();
  nested->attributes = {phase};
  schema::Attribute status =
      Attribute("status", Type::Object({{"phase", Type::String()}}), "Verdict.");
  status.computed = true;
  status.nested = std::move(nested);
  schema.block.attributes = {name, secret, labels, status};

  schema::BlockType inner;
  inner.name = "inner";
  inner.block.description = "Inside.";
  inner.block.attributes = {name};
  schema::BlockType outer;
  outer.name = "outer";
  outer.nesting = schema::Nesting::kList;
  outer.min_items = 1;
  outer.block.description = "Outside.";
  schema::BlockType empty;
  empty.name = "empty";
  empty.block.description = "Nothing.";
  outer.block.blocks = {inner, empty};
  schema.block.blocks = {outer};
  return schema;
}

class FakeThing : public plugin::Resource {
 public:
  const std::string& type_name() const override { return name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value&) const override { return {}; }
  plugin::ReadResponse Read(const plugin::CallContext&, const plugin::ReadRequest&) const override {
    return {};
  }
  plugin::PlanResponse Plan(const plugin::CallContext&, const plugin::PlanRequest&) const override {
    return {};
  }
  plugin::ApplyResponse Apply(const plugin::CallContext&,
                              const plugin::ApplyRequest&) const override {
    return {};
  }
  plugin::ReadResponse Import(const plugin::CallContext&,
                              const plugin::ImportRequest&) const override {
    return {};
  }
  plugin::ReadResponse Move(const plugin::CallContext&, const plugin::MoveRequest&) const override {
    return {};
  }

 private:
  const std::string name_ = "delivery_thing";
  const schema::Schema schema_ = AllOfIt();
};

class FakeSource : public plugin::DataSource {
 public:
  const std::string& type_name() const override { return name_; }
  const schema::Schema& schema() const override { return schema_; }
  Diagnostics Validate(const value::Value&) const override { return {}; }
  plugin::ReadResponse Read(const plugin::CallContext&, const value::Value&) const override {
    return {};
  }

 private:
  const std::string name_ = "delivery_source";
  const schema::Schema schema_ = AllOfIt();
};

class FakeFunction : public plugin::Function {
 public:
  explicit FakeFunction(Type return_type = Type::Bool()) : return_type_(std::move(return_type)) {}
  const std::string& name() const override { return name_; }
  const std::string& summary() const override { return summary_; }
  const std::string& description() const override { return description_; }
  const std::vector<plugin::FunctionParameter>& parameters() const override { return taken; }
  const plugin::FunctionParameter* variadic_parameter() const override {
    return variadic.has_value() ? &*variadic : nullptr;
  }
  const Type& return_type() const override { return return_type_; }
  plugin::FunctionResult Call(const std::vector<value::Value>&) const override { return {}; }

  std::vector<plugin::FunctionParameter> taken;
  std::optional<plugin::FunctionParameter> variadic;

 private:
  const std::string name_ = "weigh";
  const std::string summary_ = "Weighs.";
  const std::string description_ = "Weighs what there is.";
  const Type return_type_;
};

class FakeProvider : public plugin::Provider {
 public:
  const schema::Schema& schema() const override { return thing_.schema(); }
  Diagnostics Validate(const value::Value&) const override { return {}; }
  Diagnostics Configure(const value::Value&, const std::string&) override { return {}; }
  std::vector<const plugin::Resource*> resources() const override { return {&thing_}; }
  std::vector<const plugin::DataSource*> data_sources() const override { return {&source_}; }
  std::vector<const plugin::Function*> functions() const override { return {&function_}; }

 private:
  const FakeThing thing_{};
  const FakeSource source_{};
  const FakeFunction function_{};
};

TEST(ResourcePageTest, ArgumentsAreSortedByWhoGivesThem) {
  const std::string page = ResourcePage(FakeThing(), "", "");
  EXPECT_THAT(page,
              HasSubstr("### Required\n\n"
                        "- `name` (String) Its name. Must be short.\n"
                        "- `outer` (Block List) Outside. (see [below](#nestedblock--outer))\n\n"
                        "### Optional\n\n"
                        "- `secret` (String, Sensitive) Its secret.\n"
                        "- `labels` (Map of List of Number) Labels. Default: `{}`.\n\n"
                        "### Read-Only\n\n"
                        "- `status` (Object) Verdict. (see [below](#nestedatt--status))\n"));
}

TEST(ResourcePageTest, EveryLinkHasItsSection) {
  const std::string page = ResourcePage(FakeThing(), "", "");
  EXPECT_THAT(page, HasSubstr("<a id=\"nestedblock--outer\"></a>\n### `outer`\n"));
  EXPECT_THAT(page, HasSubstr("(see [below](#nestedblock--outer--inner))"));
  EXPECT_THAT(page, HasSubstr("<a id=\"nestedblock--outer--inner\"></a>\n### `outer.inner`\n"));
  EXPECT_THAT(page, HasSubstr("<a id=\"nestedatt--status\"></a>\n### `status`\n\n"
                              "- `phase` (String) Where it is.\n"));
}

TEST(ResourcePageTest, ABlockWithoutArgumentsSaysSo) {
  EXPECT_THAT(ResourcePage(FakeThing(), "", ""),
              HasSubstr("### `outer.empty`\n\nIt has no arguments.\n\n"));
}

TEST(ResourcePageTest, StartsAsTheRegistryWantsIt) {
  EXPECT_THAT(ResourcePage(FakeThing(), "", ""),
              StartsWith("---\npage_title: \"delivery_thing Resource\"\ndescription: |-\n"
                         "  Makes things.\n---\n"));
}

TEST(ResourcePageTest, ExamplesStandWhereThereAreAny) {
  EXPECT_THAT(ResourcePage(FakeThing(), "resource {}\n\n", "import it\n"),
              AllOf(HasSubstr("## Example Usage\n\n```terraform\nresource {}\n```\n"),
                    HasSubstr("## Import\n\n```shell\nimport it\n```\n")));
  EXPECT_THAT(ResourcePage(FakeThing(), "", ""),
              AllOf(Not(HasSubstr("## Example")), Not(HasSubstr("## Import"))));
}

TEST(DataSourcePageTest, HasAnExampleAndTheSchema) {
  const std::string page = DataSourcePage(FakeSource(), "data {}\n");
  EXPECT_THAT(page, StartsWith("---\npage_title: \"delivery_source Data Source\"\n"));
  EXPECT_THAT(page, HasSubstr("# delivery_source\n\nMakes things.\n\n"
                              "## Example Usage\n\n```terraform\ndata {}\n```\n\n"
                              "## Schema\n\n### Required\n\n- `name` (String)"));
  EXPECT_THAT(page, Not(HasSubstr("## Import")));
}

TEST(FunctionPageTest, SaysHowItIsCalled) {
  FakeFunction function;
  function.taken = {{"of", Type::Map(Type::Set(Type::Number())), "Of what.", true},
                    {"in", Type::String(), "In what.", false}};
  function.variadic = {"also", Type::List(Type::Dynamic()), "What else.", false};
  EXPECT_THAT(FunctionPage(function, "weigh()\n"),
              AllOf(StartsWith("---\npage_title: \"weigh Function\"\ndescription: |-\n"
                               "  Weighs.\n---\n"),
                    HasSubstr("# weigh\n\nWeighs what there is.\n\n"
                              "## Example Usage\n\n```terraform\nweigh()\n```\n\n"
                              "## Signature\n\n```text\n"
                              "weigh(of map(set(number)), in string, also list(dynamic)...) bool\n"
                              "```\n\n"
                              "## Arguments\n\n"
                              "1. `of` (Map of Set of Number, Nullable) Of what.\n"
                              "1. `in` (String) In what.\n"
                              "1. `also` (Variadic, List of Dynamic) What else.\n\n"
                              "## Return Type\n\nBoolean\n")));
}

TEST(FunctionPageTest, NamesWhatAReturnedObjectHolds) {
  const Type object = Type::Object({{"b", Type::Number()}, {"a", Type::List(Type::String())}});
  EXPECT_THAT(FunctionPage(FakeFunction(Type::List(object)), ""),
              AllOf(HasSubstr("\nweigh() list(object)\n"),
                    HasSubstr("## Return Type\n\nList of Object with the attributes:\n\n"
                              "- `a` (List of String)\n- `b` (Number)\n"),
                    Not(HasSubstr("## Arguments")), Not(HasSubstr("## Example"))));
  EXPECT_THAT(FunctionPage(FakeFunction(Type::Dynamic()), ""),
              AllOf(HasSubstr("weigh() dynamic\n"), HasSubstr("## Return Type\n\nDynamic\n")));
}

class WriteDocsTest : public ::testing::Test {
 protected:
  absl::Status Write() {
    return WriteDocs(FakeProvider(), folder_.path(),
                     [this](const std::string& page) { pages_.push_back(page); });
  }
  std::vector<std::string> pages_;
  const system::TestFolder folder_;
};

TEST_F(WriteDocsTest, PagesLieWhereTheRegistryLooks) {
  folder_.Write("examples/data-sources/delivery_source/data-source.tf", "the source's\n");
  folder_.Write("examples/functions/weigh/function.tf", "the function's\n");
  folder_.Write("examples/provider/provider.tf", "provider \"delivery\" {}\n");
  folder_.Write("examples/resources/delivery_thing/resource.tf", "the example\n");
  folder_.Write("examples/resources/delivery_thing/import.sh", "the import\n");
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(folder_.Read("docs/index.md"), HasSubstr("provider \"delivery\" {}"));
  const std::string page = folder_.Read("docs/resources/thing.md");
  EXPECT_THAT(page, AllOf(HasSubstr("the example"), HasSubstr("the import")));
  EXPECT_THAT(page, ::testing::EndsWith("```\n"));
  EXPECT_THAT(folder_.Read("docs/data-sources/source.md"), HasSubstr("the source's"));
  EXPECT_THAT(folder_.Read("docs/functions/weigh.md"), HasSubstr("the function's"));
  EXPECT_THAT(pages_, Contains(folder_.Path("docs/resources/thing.md")));
}

TEST_F(WriteDocsTest, WithoutAFolderOfExamplesPagesHaveNone) {
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(folder_.Read("docs/resources/thing.md"),
              AllOf(HasSubstr("## Schema"), Not(HasSubstr("## Example"))));
}

TEST_F(WriteDocsTest, WhatHasNoExampleIsAnError) {
  folder_.Write("examples/provider/provider.tf", "the provider's\n");
  for (const char* example :
       {"resources/delivery_thing/resource.tf", "data-sources/delivery_source/data-source.tf",
        "functions/weigh/function.tf"}) {
    const std::string path = absl::StrCat("examples/", example);
    const absl::Status written = Write();
    EXPECT_TRUE(absl::IsNotFound(written)) << written;
    EXPECT_THAT(std::string(written.message()), HasSubstr(path));
    folder_.Write(path, "the example\n");
  }
  EXPECT_TRUE(Write().ok());
}

TEST_F(WriteDocsTest, AFileThatCannotBeWrittenIsAnError) {
  folder_.Write("examples/resources/delivery_thing/resource.tf", "the example\n");
  folder_.Write("docs", "a file, no folder");
  const absl::Status written = Write();
  EXPECT_TRUE(absl::IsUnavailable(written)) << written;
  EXPECT_THAT(std::string(written.message()), HasSubstr("docs/index.md"));
}

}  // namespace
}  // namespace delivery::resources
