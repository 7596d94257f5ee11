#include "resources/docs.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "provider/system/test_folder.h"

namespace delivery::resources {
namespace {

using ::testing::AllOf;
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
  outer.block.blocks = {inner};
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

class FakeProvider : public plugin::Provider {
 public:
  const schema::Schema& schema() const override { return thing_.schema(); }
  Diagnostics Validate(const value::Value&) const override { return {}; }
  Diagnostics Configure(const value::Value&, const std::string&) override { return {}; }
  std::vector<const plugin::Resource*> resources() const override { return {&thing_}; }
  std::vector<const plugin::DataSource*> data_sources() const override { return {}; }
  std::vector<const plugin::Function*> functions() const override { return {}; }

 private:
  const FakeThing thing_;
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

class WriteDocsTest : public ::testing::Test {
 protected:
  absl::Status Write() { return WriteDocs(FakeProvider(), folder_.path()); }
  const system::TestFolder folder_;
};

TEST_F(WriteDocsTest, PagesLieWhereTheRegistryLooks) {
  folder_.Write("examples/provider/provider.tf", "provider \"delivery\" {}\n");
  folder_.Write("examples/resources/delivery_thing/resource.tf", "the example\n");
  folder_.Write("examples/resources/delivery_thing/import.sh", "the import\n");
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(folder_.Read("docs/index.md"), HasSubstr("provider \"delivery\" {}"));
  const std::string page = folder_.Read("docs/resources/thing.md");
  EXPECT_THAT(page, AllOf(HasSubstr("the example"), HasSubstr("the import")));
  EXPECT_THAT(page, ::testing::EndsWith("```\n"));
}

TEST_F(WriteDocsTest, AResourceWithoutAnExampleIsAnError) {
  const absl::Status written = Write();
  EXPECT_TRUE(absl::IsNotFound(written)) << written;
  EXPECT_THAT(std::string(written.message()),
              HasSubstr("examples/resources/delivery_thing/resource.tf"));
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
