#include "provider/oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace delivery::oci {
namespace {

using ::testing::HasSubstr;

const std::string kSha256 = "sha256:" + std::string(64, 'a');
const std::string kSha512 = "sha512:" + std::string(128, '0');

struct Case {
  std::string text;
  std::string registry;
  std::string repository;
  std::string tag;
  std::string digest;
  std::string name;
};

TEST(ReferenceTest, ReadsWhatDockerReads) {
  const std::vector<Case> cases = {
      {"nginx", "docker.io", "library/nginx", "", "", "nginx"},
      {"nginx:1.25", "docker.io", "library/nginx", "1.25", "", "nginx"},
      {"grafana/grafana", "docker.io", "grafana/grafana", "", "", "grafana/grafana"},
      {"docker.io/nginx", "docker.io", "library/nginx", "", "", "docker.io/nginx"},
      {"index.docker.io/a/b:1", "docker.io", "a/b", "1", "", "index.docker.io/a/b"},
      {"localhost/web", "localhost", "web", "", "", "localhost/web"},
      {"localhost:5000/web:x", "localhost:5000", "web", "x", "", "localhost:5000/web"},
      {"Registry.Example.com/team/web", "registry.example.com", "team/web", "", "",
       "Registry.Example.com/team/web"},
      {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", "", "", "127.0.0.1:5000/a/b/c"},
      {"[::1]:5000/web", "[::1]:5000", "web", "", "", "[::1]:5000/web"},
      {"[fe80::1]/web:1", "[fe80::1]", "web", "1", "", "[fe80::1]/web"},
      {"host:5000/web@" + kSha256, "host:5000", "web", "", kSha256, "host:5000/web"},
      {"web:1.4.0@" + kSha512, "docker.io", "library/web", "1.4.0", kSha512, "web"},
      {"a.b/x--y/z__1/p.q_r:_T", "a.b", "x--y/z__1/p.q_r", "_T", "", "a.b/x--y/z__1/p.q_r"},
      {"a.b/" + std::string(255, 'c'), "a.b", std::string(255, 'c'), "", "",
       "a.b/" + std::string(255, 'c')},
      {"web:" + std::string(128, 'a'), "docker.io", "library/web", std::string(128, 'a'), "",
       "web"},
  };
  for (const Case& each : cases) {
    const auto reference = ParseReference(each.text);
    ASSERT_TRUE(reference.ok()) << each.text << ": " << reference.status();
    EXPECT_EQ(reference->registry, each.registry) << each.text;
    EXPECT_EQ(reference->repository, each.repository) << each.text;
    EXPECT_EQ(reference->tag, each.tag) << each.text;
    EXPECT_EQ(reference->digest, each.digest) << each.text;
    EXPECT_EQ(reference->name, each.name) << each.text;
    EXPECT_EQ(reference->Text(), each.text);
  }
}

TEST(ReferenceTest, SaysWhichPartIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "must not be empty"},
      {"web ", "must not contain blanks"},
      {"web\n", "must not contain blanks"},
      {"https://registry.example.com/web", "leave out the scheme"},
      {"Web", "must be in lower case"},
      {"Team/web", "\"Team/web\" must be in lower case"},
      {"a//b", "\"\" is not a part of a repository's path"},
      {"a/b/", "\"\" is not a part of a repository's path"},
      {"-a/b", "\"-a\" is not a part"},
      {"a/b_", "\"b_\" is not a part"},
      {"a/b___c", "\"b___c\" is not a part"},
      {"a/b..c", "\"b..c\" is not a part"},
      {"a/b._c", "\"b._c\" is not a part"},
      {"host:0/web", "port of \"host:0\""},
      {"host:65536/web", "port of \"host:65536\""},
      {"host:/web", "port of \"host:\""},
      {"host:x/web", "port of \"host:x\""},
      {"-a.b/web", "\"-a.b\" is not a host name"},
      {"a..b/web", "\"a..b\" is not a host name"},
      {"a_b.c/web", "\"a_b.c\" is not a host name"},
      {"[]:1/web", "is not a host name"},
      {"a.b/", "repository is missing"},
      {"web:", "malformed tag"},
      {"web:.x", "malformed tag"},
      {"web:-x", "malformed tag"},
      {"web:a/b", "port of \"web:a\""},
      {"web:" + std::string(129, 'a'), "malformed tag"},
      {"web:a:b", "malformed tag"},
      {"web@", "malformed digest"},
      {"web@sha256:abc", "malformed digest"},
      {"web@sha256:" + std::string(64, 'A'), "malformed digest"},
      {"web@md5:" + std::string(32, 'a'), "malformed digest"},
      {"web@" + kSha256 + "@" + kSha256, "malformed digest"},
      {"@" + kSha256, "repository is missing"},
      {":1", "repository is missing"},
      {std::string(64, 'a'), "is an image ID"},
      {std::string(248, 'a'), "longer than 255"},  // with "library/"
      {"a.b/" + std::string(256, 'a'), "longer than 255"},
      {std::string(2000, 'a'), "longer than 1024"},
  };
  for (const auto& [text, message] : cases) {
    const auto reference = ParseReference(text);
    EXPECT_EQ(reference.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(reference.status().message()), HasSubstr(message)) << text;
  }
}

TEST(ReferenceTest, ARepositoryHasNeitherTagNorDigest) {
  const auto repository = ParseRepository("localhost:5000/web");
  ASSERT_TRUE(repository.ok());
  EXPECT_EQ(repository->CanonicalName(), "localhost:5000/web");
  EXPECT_THAT(std::string(ParseRepository("web:1").status().message()),
              HasSubstr("leave out the tag \":1\""));
  EXPECT_THAT(std::string(ParseRepository("web@" + kSha256).status().message()),
              HasSubstr("leave out the digest \"@sha256:"));
}

TEST(ReferenceTest, IsChangedByTagAndDigest) {
  const Reference reference = *ParseReference("web:1@" + kSha256);
  EXPECT_EQ(reference.WithTag("2").Text(), "web:2");
  EXPECT_EQ(reference.WithDigest(kSha512).Text(), "web@" + kSha512);
  EXPECT_EQ(WithDefaultTag(reference), reference);
  EXPECT_EQ(WithDefaultTag(*ParseReference("web")).Text(), "web:latest");
}

TEST(ReferenceTest, HostsAreComparedInOneForm) {
  EXPECT_EQ(CanonicalHost("Index.Docker.io"), "docker.io");
  EXPECT_EQ(CanonicalHost("registry-1.docker.io"), "docker.io");
  EXPECT_EQ(CanonicalHost("LOCALHOST:5000"), "localhost:5000");
}

}  // namespace
}  // namespace delivery::oci
