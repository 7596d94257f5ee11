// data "delivery_image": the image that a policy selects at the moment of the plan.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/reference.h"
#include "resources/catalog.h"
#include "resources/image_memory.h"
#include "resources/image_policy_arguments.h"
#include "resources/registries.h"
#include "resources/registry_images.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

using Texts = std::vector<Attr<std::string>>;

struct ImageData {
  ImageArguments arguments;
  Attr<std::string> tag;
  Attr<std::string> digest;
  Attr<std::string> image;
  Attr<std::string> created_at;
  Attr<Texts> platforms;
  Attr<int64_t> candidates;
  Attr<SkippedTags> skipped;

  static const Spec<ImageData>& Declaration() {
    using M = ImageData;
    static const auto* const spec = [] {
      auto* s = new Spec<M>(
          "The image that a policy selects now, looked up at each plan. Unlike "
          "`delivery_image_policy` it remembers nothing: what it selected before does not count, "
          "and a plan that is applied later may meet another image.");
      s->Embed(&M::arguments);
      s->Field("tag", &M::tag).Computed().Doc("The selected tag.");
      s->Field("digest", &M::digest).Computed().Doc("The selected image's digest.");
      s->Field("image", &M::image)
          .Computed()
          .Doc("What to run: `repository:tag@digest`, or `repository:tag` without `with_digest`.");
      s->Field("created_at", &M::created_at)
          .Computed()
          .Doc("When the image was created; null when it does not tell.");
      s->Field("platforms", &M::platforms).Computed().Doc("Platforms that it is made for.");
      s->Field("candidates", &M::candidates).Computed().Doc("How many tags the policy takes.");
      s->Field("skipped", &M::skipped)
          .Computed()
          .Doc(
              "The 20 newest tags that were not selected for a reason: objects with `tag` and "
              "`reason`.");
      return s;
    }();
    return *spec;
  }
};

class ImageDataSource final : public plugin::DataSource {
 public:
  explicit ImageDataSource(const Registries& registries)
      : registries_(registries), schema_{0, ImageData::Declaration().Describe()} {}

  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }

  Diagnostics Validate(const value::Value& config) const override {
    Diagnostics diagnostics;
    const ImageData data = ImageData::Declaration().Decode(config, {}, diagnostics);
    ImageData::Declaration().Validate(data, {}, diagnostics);
    ValidateImageArguments(data.arguments, diagnostics);
    return diagnostics;
  }

  plugin::ReadResponse Read(const plugin::CallContext& context,
                            const value::Value& config) const override {
    plugin::ReadResponse response;
    response.state = value::Value::Null(schema_.block.ImpliedType());
    ImageData data = ImageData::Declaration().Decode(config, {}, response.diagnostics);
    ImageData::Declaration().ApplyDefaults(data);
    const absl::StatusOr<Selection> selection = Select(context, data.arguments);
    if (!selection.ok()) {
      response.diagnostics.Error(Path::Of("repository"), "No image was selected",
                                 LookFailureText(selection.status()));
      return response;
    }
    const ImageFacts& facts = selection->image.facts;
    data.tag = selection->image.tag;
    data.digest = facts.digest;
    data.image = ImageText(data.arguments, selection->image.tag, facts.digest);
    if (facts.created.has_value()) data.created_at = TimeText(*facts.created);
    data.platforms = Texts(facts.platforms.begin(), facts.platforms.end());
    data.candidates = selection->candidates;
    data.skipped = ToSkippedTags(selection->skipped);
    response.state = ImageData::Declaration().Encode(data);
    return response;
  }

 private:
  absl::StatusOr<Selection> Select(const plugin::CallContext& context,
                                   const ImageArguments& arguments) const {
    DELIVERY_ASSIGN_OR_RETURN(const SelectionRules rules, ToRules(arguments));
    DELIVERY_ASSIGN_OR_RETURN(const RegistryCall call,
                              CallFor(registries_, arguments, context.stop));
    ImageMemory memory;
    return LookUpSelection(call, rules, std::nullopt, memory);
  }

  const Registries& registries_;
  const std::string type_name_ = "delivery_image";
  const schema::Schema schema_;
};

}  // namespace

std::unique_ptr<plugin::DataSource> MakeImageData(const Registries& registries) {
  return std::make_unique<ImageDataSource>(registries);
}

}  // namespace delivery::resources
