#include "provider/checks/job_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace delivery::checks {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(
apiVersion: batch/v1
kind: Job
metadata:
  name: smoke
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: registry.test/smoke:1}]
)";

TEST(ParseJobYamlTest, ReturnsTheJob) {
  const auto job = ParseJobYaml(kGood);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ((*job)["metadata"]["name"], "smoke");
  EXPECT_EQ((*job)["spec"]["backoffLimit"], 0);
}

TEST(ParseJobYamlTest, EmptyDocumentsDoNotCount) {
  EXPECT_TRUE(ParseJobYaml(absl::StrCat("---\n", kGood, "---\n")).ok());
}

struct BadJob {
  std::string name;
  std::string text;
  std::string said;
};

class BadJobTest : public ::testing::TestWithParam<BadJob> {};

TEST_P(BadJobTest, SaysWhatIsWrong) {
  const absl::Status status = ParseJobYaml(GetParam().text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().said));
}

std::string JobWith(const std::string& metadata, const std::string& spec) {
  return absl::StrCat("{apiVersion: batch/v1, kind: Job, metadata: ", metadata, ", spec: ", spec,
                      "}");
}

constexpr char kPod[] =
    "{template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}";

INSTANTIATE_TEST_SUITE_P(
    All, BadJobTest,
    ::testing::Values(
        BadJob{"NotYaml", "a: [", "not valid YAML at line 1"},
        BadJob{"Nothing", "# only a comment\n", "there is no YAML document"},
        BadJob{"Two", absl::StrCat(kGood, "---", kGood), "there are 2 YAML documents"},
        BadJob{"NotAMap", "- 1", "not a map"},
        BadJob{"OtherKind", "{apiVersion: batch/v1, kind: CronJob}",
               "it is a batch/v1 CronJob, but must be a batch/v1 Job"},
        BadJob{"OldVersion", "{apiVersion: extensions/v1beta1, kind: Job}",
               "it is a extensions/v1beta1 Job"},
        BadJob{"NoType", "{spec: {}}", "it is a (no apiVersion) (no kind)"},
        BadJob{"GenerateName", JobWith("{generateName: smoke-}", kPod),
               "metadata.generateName cannot be used"},
        BadJob{"NameNotText", JobWith("{name: 12}", kPod), "metadata.name is not a string"},
        BadJob{"LabelsNotMap", JobWith("{labels: [a]}", kPod), "metadata.labels is not a map"},
        BadJob{"MetadataNotMap", JobWith("[]", kPod), "metadata of the Job is not a map"},
        BadJob{"NoSpec", "{apiVersion: batch/v1, kind: Job}", "no spec.template.spec"},
        BadJob{"NoTemplate", JobWith("{}", "{backoffLimit: 1}"), "no spec.template.spec"},
        BadJob{"NoContainers", JobWith("{}", "{template: {spec: {restartPolicy: Never}}}"),
               "containers of the Job is empty"},
        BadJob{"RestartsAlways",
               JobWith("{}", "{template: {spec: {containers: [{name: a, image: b}]}}}"),
               "restartPolicy of the Job must be Never or OnFailure"},
        BadJob{"Suspended",
               JobWith("{}", absl::StrCat("{suspend: true, ", std::string(kPod).substr(1))),
               "spec.suspend"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace delivery::checks
