// parse_image(ref): the parts of an image's name.
#include "absl/strings/str_cat.h"
#include "provider/oci/reference.h"
#include "resources/catalog.h"
#include "resources/functions/pure_function.h"

namespace delivery::resources {
namespace {

using value::Type;
using value::Value;

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value::Null(Type::String()) : Value::String(text);
}

plugin::FunctionResult ParseImage(const FunctionArguments& arguments) {
  const absl::StatusOr<oci::Reference> image = oci::ParseReference(arguments[0].AsString());
  if (!image.ok()) {
    return WrongArgument(0, absl::StrCat(image.status().message(),
                                         "; an image is written [host[:port]/]path[:tag][@digest], "
                                         "such as registry.example.com/team/web:1.4.0"));
  }
  return Returned(Value::Object({{"registry", Value::String(image->registry)},
                                 {"repository", Value::String(image->repository)},
                                 {"tag", TextOrNull(image->tag)},
                                 {"digest", TextOrNull(image->digest)}}));
}

}  // namespace

std::unique_ptr<plugin::Function> MakeParseImageFunction() {
  return MakePureFunction(
      {.name = "parse_image",
       .summary = "Splits the name of an image into registry, repository, tag and digest.",
       .description =
           "Splits the name of an image into its parts. Names are read as Docker reads them: "
           "without a host the registry is `docker.io`, and a repository there that has only one "
           "part lies below `library/`. `tag` and `digest` are null where the name has none; no "
           "`latest` is added.",
       .parameters = {{.name = "ref",
                       .type = Type::String(),
                       .description = "The image: `[host[:port]/]path[:tag][@digest]`."}},
       .return_type = Type::Object({{"registry", Type::String()},
                                    {"repository", Type::String()},
                                    {"tag", Type::String()},
                                    {"digest", Type::String()}})},
      ParseImage);
}

}  // namespace delivery::resources
