#include "provider/kubernetes/field_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace delivery::kubernetes {
namespace {

using ::testing::HasSubstr;

FieldPath Parse(std::string_view text) {
  const auto path = FieldPath::Parse(text);
  EXPECT_TRUE(path.ok()) << text << ": " << path.status();
  return path.ok() ? *path : FieldPath();
}

struct Spelling {
  std::string text;
  std::string canonical;
};

class FieldPathSpellingTest : public ::testing::TestWithParam<Spelling> {};

TEST_P(FieldPathSpellingTest, PrintsCanonicallyAndParsesBack) {
  const FieldPath path = Parse(GetParam().text);
  EXPECT_EQ(path.ToString(), GetParam().canonical);
  EXPECT_EQ(Parse(path.ToString()), path);
}

INSTANTIATE_TEST_SUITE_P(
    All, FieldPathSpellingTest,
    ::testing::Values(
        Spelling{"", ""}, Spelling{"spec.replicas", "spec.replicas"},
        Spelling{".spec.replicas", "spec.replicas"},
        Spelling{"spec.template.spec.containers[name=web].image",
                 "spec.template.spec.containers[name=web].image"},
        Spelling{".spec.template.spec.containers[name=\"web\"].image",
                 "spec.template.spec.containers[name=web].image"},
        Spelling{"ports[protocol=TCP,containerPort=80]", "ports[containerPort=80,protocol=TCP]"},
        Spelling{"ports[containerPort=80,protocol=\"TCP\"].name",
                 "ports[containerPort=80,protocol=TCP].name"},
        Spelling{"volumeMounts[mountPath=/etc/x.d].readOnly",
                 "volumeMounts[mountPath=/etc/x.d].readOnly"},
        Spelling{"volumeMounts[mountPath=\"/a,b]\"]", "volumeMounts[mountPath=\"/a,b]\"]"},
        Spelling{"x[name=\"80\"]", "x[name=\"80\"]"},
        Spelling{"x[name=\"true\"]", "x[name=\"true\"]"}, Spelling{"x[name=007]", "x[name=007]"},
        Spelling{"args[0]", "args[0]"},
        Spelling{"containers[*].resources", "containers[*].resources"},
        Spelling{"metadata.annotations[\"a.b/c\"]", "metadata.annotations[\"a.b/c\"]"},
        Spelling{"metadata.annotations.a.b/c", "metadata.annotations[\"a.b/c\"]"},
        Spelling{"resources.limits.nvidia.com/gpu", "resources.limits[\"nvidia.com/gpu\"]"},
        Spelling{"resources.limits.cpu", "resources.limits.cpu"},
        Spelling{"data.tls.crt", "data[\"tls.crt\"]"},
        Spelling{"metadata.finalizers[=\"example.com/x\"]", "metadata.finalizers[=example.com/x]"},
        Spelling{"[\"a \\\"b\\\"\"].c", "[\"a \\\"b\\\"\"].c"}));

TEST(FieldPathTest, RefusesWithAnExample) {
  for (const std::string_view text :
       {".", "..", "a..b", "a.", "a[", "a[]", "a[x", "a[x=", "a[x=]", "a[name=web", "a[0]b",
        "a[-1]", "a[\"x]", "a[\"\\q\"]", "a b", "a]b", "a[x=1,x=2]", "a[x=1,]", "a[99999999999]"}) {
    const auto path = FieldPath::Parse(text);
    ASSERT_FALSE(path.ok()) << text;
    EXPECT_THAT(std::string(path.status().message()), HasSubstr("write it like")) << text;
  }
  EXPECT_FALSE(FieldPath::Parse(std::string(100000, 'a')).ok());
}

TEST(FieldPathTest, CoversWhatLiesBelow) {
  const FieldPath image = Parse("spec.template.spec.containers[name=web].image");
  for (const std::string_view pattern :
       {"", "spec", "spec.template.spec.containers", "spec.template.spec.containers[name=web]",
        "spec.template.spec.containers[*].image",
        "spec.template.spec.containers[name=web].image"}) {
    EXPECT_TRUE(Parse(pattern).Covers(image)) << pattern;
  }
  for (const std::string_view pattern :
       {"metadata", "spec.template.spec.containers[name=db]", "spec.template.spec.containers[0]",
        "spec.template.spec.containers[*].args",
        "spec.template.spec.containers[name=web].image.x"}) {
    EXPECT_FALSE(Parse(pattern).Covers(image)) << pattern;
  }
}

TEST(FieldPathTest, ElementWithFewerKeysCoversMore) {
  const FieldPath port = Parse("ports[containerPort=80,protocol=TCP].name");
  EXPECT_TRUE(Parse("ports[containerPort=80]").Covers(port));
  EXPECT_FALSE(Parse("ports[containerPort=81]").Covers(port));
  EXPECT_FALSE(Parse("ports[containerPort=80,protocol=UDP]").Covers(port));
  EXPECT_FALSE(port.Covers(Parse("ports[containerPort=80]")));
  EXPECT_FALSE(Parse("a[*]").Covers(Parse("a.b")));
}

TEST(FieldPathTest, StepsUpAndDown) {
  const FieldPath path = FieldPath() / "spec" / "replicas";
  EXPECT_EQ(path.LastMember(), "replicas");
  EXPECT_EQ(path.Parent().ToString(), "spec");
  EXPECT_EQ(path.At(3).LastMember(), "");
  EXPECT_TRUE(FieldPath().Parent().empty());
}

}  // namespace
}  // namespace delivery::kubernetes
