// delivery_image_policy: the image of a repository that should run. A refresh looks at the
// registry, the plan moves the selection and shows it, apply takes exactly what was planned.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/base/status_macros.h"
#include "provider/oci/digest.h"
#include "provider/oci/reference.h"
#include "resources/catalog.h"
#include "resources/image_memory.h"
#include "resources/image_policy_arguments.h"
#include "resources/image_selection.h"
#include "resources/registries.h"
#include "resources/registry_images.h"
#include "resources/typed_resource.h"
#include "resources/workload_arguments.h"

namespace delivery::resources {
namespace {

using schema::Attr;
using schema::Spec;
using value::Path;

constexpr char kTypeName[] = "delivery_image_policy";

using Texts = std::vector<Attr<std::string>>;

struct ImagePolicy {
  ImageArguments arguments;
  Attr<std::string> id;
  Attr<std::string> tag;
  Attr<std::string> digest;
  Attr<std::string> image;
  Attr<std::string> created_at;
  Attr<Texts> platforms;
  Attr<std::string> latest_tag;
  Attr<std::string> latest_digest;
  Attr<int64_t> candidates;
  Attr<SkippedTags> skipped;

  static const Spec<ImagePolicy>& Declaration() {
    using M = ImagePolicy;
    static const auto* const spec = [] {
      auto* s = new Spec<M>(
          "The image of a repository that should run, chosen by a policy over its tags and pinned "
          "by digest. A newer image shows in the plan (`1.3.9 -> 1.4.0`), and apply uses exactly "
          "the one that was planned, whatever is pushed in between.");
      s->Embed(&M::arguments);
      s->Field("id", &M::id).Computed().Doc("The repository with its registry.");
      s->Field("tag", &M::tag).Computed().Doc("The selected tag.");
      s->Field("digest", &M::digest).Computed().Doc("The selected image's digest.");
      s->Field("image", &M::image)
          .Computed()
          .Doc("What to run: `repository:tag@digest`, or `repository:tag` without `with_digest`.");
      s->Field("created_at", &M::created_at)
          .Computed()
          .Doc("When the selected image was created; null when the image does not tell.");
      s->Field("platforms", &M::platforms)
          .Computed()
          .Doc("Platforms that the selected image is made for.");
      s->Field("latest_tag", &M::latest_tag)
          .Computed()
          .Doc("What was to be selected at the last refresh; a plan moves `tag` to it.");
      s->Field("latest_digest", &M::latest_digest).Computed().Doc("Its digest.");
      s->Field("candidates", &M::candidates)
          .Computed()
          .Doc("How many tags the policy takes at the last refresh.");
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

const schema::IdentitySchema& RepositoryIdentitySchema() {
  static const auto* const schema = [] {
    auto* s = new schema::IdentitySchema;
    s->attributes = {
        {"repository", value::Type::String(), true, false, "The repository, with its registry."}};
    return s;
  }();
  return *schema;
}

std::string CanonicalName(const std::string& repository) {
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(repository);
  return reference.ok() ? reference->CanonicalName() : repository;
}

// What the resource stands at: nullopt before the first selection.
std::optional<SelectedImage> CurrentOf(const ImagePolicy& model, const ImageMemory& memory) {
  if (!model.digest.is_known()) return std::nullopt;
  const std::string& digest = model.digest.value();
  SelectedImage current{model.tag.value_or(""), {digest, {}, std::nullopt}};
  if (const RememberedImage* const known = memory.FindDigest(digest); known != nullptr) {
    current.facts = known->facts;
    return current;
  }
  current.facts.platforms = KnownStrings(model.platforms);
  absl::Time created;
  if (absl::ParseTime(absl::RFC3339_full, model.created_at.value_or(""), &created, nullptr)) {
    current.facts.created = created;
  }
  return current;
}

void SetImage(const SelectedImage& image, ImagePolicy& model) {
  const ImageFacts& facts = image.facts;
  model.tag = image.tag.empty() ? Attr<std::string>() : Attr<std::string>(image.tag);
  model.digest = facts.digest;
  model.image = ImageText(model.arguments, image.tag, facts.digest);
  model.created_at = Attr<std::string>();
  if (facts.created.has_value()) model.created_at = TimeText(*facts.created);
  model.platforms = Texts(facts.platforms.begin(), facts.platforms.end());
}

// What a look at the registry, or at the memory of it, says.
void SetLatest(const Selection& selection, ImagePolicy& model) {
  const std::string& tag = selection.image.tag;
  model.latest_tag = tag.empty() ? Attr<std::string>() : Attr<std::string>(tag);
  model.latest_digest = selection.image.facts.digest;
  model.candidates = selection.candidates;
  model.skipped = ToSkippedTags(selection.skipped);
}

void SetImageUnknown(ImagePolicy& model) {
  model.tag = model.digest = model.image = model.created_at = Attr<std::string>::Unknown();
  model.platforms = Attr<Texts>::Unknown();
}

void SetLatestUnknown(ImagePolicy& model) {
  model.latest_tag = model.latest_digest = Attr<std::string>::Unknown();
  model.candidates = Attr<int64_t>::Unknown();
  model.skipped = Attr<SkippedTags>::Unknown();
}

std::string KeptText(const Selection& selection, bool pinned) {
  return absl::StrCat(
      "The selection stays at ", selection.image.tag, " (", selection.image.facts.digest,
      "), because ", selection.kept_because,
      pinned ? ", and pin holds it. " : ", and allow_downgrade is false. ",
      "The registry may delete that image for good. Push the tag again, set pin to a tag that "
      "should run instead, or ",
      pinned ? "remove pin." : "allow the downgrade.");
}

// A look that finds nothing new leaves no trace: hosts take a changed private state for a change of
// the object (exit code 2 of `plan -refresh-only -detailed-exitcode`).
std::string TextAfterLook(ImageMemory memory, absl::Time looked_before, const std::string& before) {
  const absl::Time looked_at = std::exchange(memory.looked_at, looked_before);
  if (memory.Serialize() == before) return before;
  memory.looked_at = looked_at;
  return memory.Serialize();
}

// Better tags that were passed over without a verdict on them.
void SayUnread(const Selection& selection, Diagnostics& diagnostics) {
  for (const image_policy::Skipped& one : selection.unread) {
    diagnostics.Warning(Path::Of("repository"), absl::StrCat("Tag ", one.tag, " was not read"),
                        absl::StrCat(one.tag, " ", one.reason, "\n", selection.image.tag,
                                     " is selected until it can be."));
  }
}

void AddFailure(const absl::Status& status, const std::string& summary, Diagnostics& diagnostics) {
  diagnostics.Error(Path::Of("repository"), summary, LookFailureText(status));
}

class ImagePolicyResource final : public TypedResource<ImagePolicy> {
 public:
  explicit ImagePolicyResource(const Registries& registries)
      : TypedResource(kTypeName), registries_(registries) {}

  const schema::IdentitySchema* identity_schema() const override {
    return &RepositoryIdentitySchema();
  }

 protected:
  void ValidateConfig(const ImagePolicy& config, Diagnostics& diagnostics) const override {
    ValidateImageArguments(config.arguments, diagnostics);
  }

  value::Value IdentityOf(const ImagePolicy& model) const override {
    if (!model.id.is_known()) return {};
    return value::Value::Object({{"repository", value::Value::String(model.id.value())}});
  }

  TypedState<ImagePolicy> ReadState(const plugin::CallContext& context, ImagePolicy prior,
                                    const std::string& private_state) const override {
    TypedState<ImagePolicy> state{prior, private_state, {}};
    if (registries_.IsUnknown()) {
      state.diagnostics.Warning({}, "Refresh was skipped",
                                "The provider's registry blocks are not known yet, so the registry "
                                "cannot be asked; the selection is shown as it was.");
      return state;
    }
    absl::StatusOr<ImageMemory> memory = ImageMemory::Parse(private_state);
    const absl::StatusOr<SelectionRules> rules = ToRules(prior.arguments);
    if (!memory.ok() || !rules.ok()) {
      AddFailure(memory.ok() ? rules.status() : memory.status(), "Refresh failed",
                 state.diagnostics);
      return state;
    }
    const absl::Time looked_before = memory->looked_at;
    // Just imported without a tag: there is nothing to compare with yet.
    const std::optional<SelectedImage> current = CurrentOf(prior, *memory);
    if (!rules->policy.has_value() && !rules->pin.has_value() && !current.has_value()) return state;
    const absl::StatusOr<RegistryCall> call = CallFor(registries_, prior.arguments, context.stop);
    const absl::StatusOr<Selection> selection =
        call.ok() ? LookUpSelection(*call, *rules, current, *memory)
                  : absl::StatusOr<Selection>(call.status());
    if (!selection.ok()) {
      SayNotRefreshed(selection.status(), current, prior, state.diagnostics);
      return state;
    }
    SayUnread(*selection, state.diagnostics);
    if (!selection->kept_because.empty()) {
      state.diagnostics.Warning(Path::Of("repository"), "The selected tag stays",
                                KeptText(*selection, rules->pin.has_value()));
    }
    SetLatest(*selection, prior);
    state.private_state = TextAfterLook(*memory, looked_before, private_state);
    state.model = std::move(prior);
    return state;
  }

  TypedPlan<ImagePolicy> PlanChange(const plugin::CallContext& context, const ImagePolicy&,
                                    const std::optional<ImagePolicy>& prior, ImagePolicy planned,
                                    const std::string& private_state) const override {
    TypedPlan<ImagePolicy> plan{std::move(planned), private_state, {}, {}};
    ImagePolicy& model = plan.planned;
    model.id = model.arguments.repository.is_known()
                   ? Attr<std::string>(CanonicalName(model.arguments.repository.value()))
                   : Attr<std::string>::Unknown();
    if (!prior.has_value()) {
      SetImageUnknown(model);
      SetLatestUnknown(model);
      Foretell(context, model, plan.diagnostics);
      return plan;
    }
    if (!(model.id == prior->id)) {
      plan.requires_replace.push_back(Path::Of("repository"));
      SetImageUnknown(model);
      SetLatestUnknown(model);
      return plan;
    }
    const absl::StatusOr<ImageMemory> memory = ImageMemory::Parse(private_state);
    if (!memory.ok()) {
      AddFailure(memory.status(), "Plan failed", plan.diagnostics);
      return plan;
    }
    if (SelectsDifferently(model.arguments, prior->arguments)) {
      PlanOtherSelection(*prior, *memory, plan);
    } else {
      PlanLatest(*prior, *memory, model);
    }
    return plan;
  }

  TypedState<ImagePolicy> Create(const plugin::CallContext& context, ImagePolicy planned,
                                 const std::string&) const override {
    TypedState<ImagePolicy> state;
    ImageMemory memory;
    const absl::Status selected = Select(context, std::nullopt, memory, planned, state.diagnostics);
    if (!selected.ok()) {
      AddFailure(selected, "No image was selected", state.diagnostics);
      return state;
    }
    state.model = std::move(planned);
    state.private_state = memory.Serialize();
    return state;
  }

  TypedState<ImagePolicy> Update(const plugin::CallContext& context, ImagePolicy prior,
                                 ImagePolicy planned,
                                 const std::string& private_state) const override {
    TypedState<ImagePolicy> state{prior, private_state, {}};
    absl::StatusOr<ImageMemory> memory = ImageMemory::Parse(private_state);
    absl::Status selected = memory.status();
    if (selected.ok() && !ImagePolicy::Declaration().Encode(planned).IsWhollyKnown()) {
      selected =
          planned.tag.is_known() || planned.digest.is_known()
              ? LookUpPlanned(context, *memory, planned)
              : Select(context, CurrentOf(prior, *memory), *memory, planned, state.diagnostics);
    }
    if (!selected.ok()) {
      // What was refused is remembered: the next plan passes it over.
      if (memory.ok()) state.private_state = memory->Serialize();
      AddFailure(selected, "No image was selected", state.diagnostics);
      return state;
    }
    state.model = std::move(planned);
    state.private_state = memory->Serialize();
    return state;
  }

  // Nothing but the state records the selection.
  TypedState<ImagePolicy> Delete(const plugin::CallContext&, const ImagePolicy&,
                                 const std::string&) const override {
    return {};
  }

  TypedState<ImagePolicy> ImportState(const plugin::CallContext& context,
                                      const plugin::ImportRequest& request) const override;

 private:
  // A selection goes on without a registry that is down: what was selected stays, and a pin to a
  // version that ran before can still be planned.
  static void SayNotRefreshed(const absl::Status& status,
                              const std::optional<SelectedImage>& current, const ImagePolicy& prior,
                              Diagnostics& diagnostics) {
    const std::string& repository = prior.arguments.repository.value();
    const std::string summary = IsOutage(status)
                                    ? absl::StrCat("The registry of ", repository, " was not asked")
                                    : absl::StrCat("Nothing can be selected from ", repository);
    // As if all tags had vanished: a repository that is gone, or without a tag that can be
    // selected.
    const bool vanished = absl::IsNotFound(status) || absl::IsFailedPrecondition(status);
    if ((IsOutage(status) || vanished) && current.has_value()) {
      diagnostics.Warning(
          Path::Of("repository"), summary,
          absl::StrCat(LookFailureText(status), "\nThe selection stays at ",
                       ImageText(prior.arguments, current->tag, current->facts.digest), "."));
    } else {
      AddFailure(status, "Refresh failed", diagnostics);
      if (current.has_value()) {
        diagnostics.Warning(Path::Of("repository"), "To go on without the registry",
                            "Plan with -refresh=false: a pin to a version that was selected before "
                            "needs no registry.");
      }
    }
  }

  // What a create would select now. What it selects is decided when it is applied: the hosts plan
  // twice, and something may be pushed in between.
  void Foretell(const plugin::CallContext& context, const ImagePolicy& planned,
                Diagnostics& diagnostics) const {
    if (!DecidesWhatToSelect(planned.arguments)) return;
    const Path path = Path::Of("repository");
    if (registries_.IsUnknown()) {
      diagnostics.Warning(path, "Planned without the registry",
                          "The provider's registry blocks are not known yet; the image is selected "
                          "when this is applied.");
      return;
    }
    ImageMemory memory;
    ImagePolicy foreseen = planned;
    const absl::Status selected = Select(context, std::nullopt, memory, foreseen, diagnostics);
    if (selected.ok()) {
      diagnostics.Warning(path, absl::StrCat("Now it would be ", foreseen.tag.value_or("")),
                          absl::StrCat("Apply selects the image; at present that is ",
                                       ImageText(planned.arguments, foreseen.tag.value_or(""),
                                                 foreseen.digest.value()),
                                       "."));
    } else {
      diagnostics.Warning(path, "No image can be selected now",
                          absl::StrCat(LookFailureText(selected),
                                       "\nApply fails unless that has changed by then."));
    }
  }

  // Arguments that decide nothing may have changed, and the last refresh may have found another
  // image.
  static void PlanLatest(const ImagePolicy& prior, const ImageMemory& memory, ImagePolicy& model) {
    model.latest_tag = prior.latest_tag;
    model.latest_digest = prior.latest_digest;
    model.candidates = prior.candidates;
    model.skipped = prior.skipped;
    const bool moves = !(prior.latest_tag == prior.tag && prior.latest_digest == prior.digest);
    if (!moves || !prior.latest_digest.is_known()) {
      model.tag = prior.tag;
      model.digest = prior.digest;
      model.created_at = prior.created_at;
      model.platforms = prior.platforms;
      if (prior.digest.is_known()) {
        model.image =
            model.arguments.with_digest.is_unknown()
                ? Attr<std::string>::Unknown()
                : ImageText(model.arguments, prior.tag.value_or(""), prior.digest.value());
      }
      return;
    }
    const RememberedImage* const known = memory.FindDigest(prior.latest_digest.value());
    SelectedImage image{prior.latest_tag.value_or(""),
                        {prior.latest_digest.value(), {}, std::nullopt}};
    if (known != nullptr) image.facts = known->facts;
    SetImage(image, model);
    if (known == nullptr) {
      model.created_at = Attr<std::string>::Unknown();
      model.platforms = Attr<Texts>::Unknown();
    }
    if (model.arguments.with_digest.is_unknown()) model.image = Attr<std::string>::Unknown();
  }

  // By the rules of the new arguments, from what is remembered.
  static void PlanOtherSelection(const ImagePolicy& prior, const ImageMemory& memory,
                                 TypedPlan<ImagePolicy>& plan) {
    ImagePolicy& model = plan.planned;
    SetImageUnknown(model);
    SetLatestUnknown(model);
    if (!DecidesWhatToSelect(model.arguments) || !model.arguments.with_digest.is_known()) return;
    const absl::StatusOr<SelectionRules> rules = ToRules(model.arguments);
    if (!rules.ok()) return;
    // The best of a list that was cut for another order may not be in it.
    const bool ordered = memory.has_all_tags || memory.order_id == rules->order_id;
    if (!ordered && !rules->pin.has_value()) return;
    RememberedImages images(memory, *rules);
    const absl::StatusOr<Selection> selection =
        SelectImage(*rules, memory.tags, CurrentOf(prior, memory), memory.looked_at, images);
    if (selection.ok()) {
      SetImage(selection->image, model);
      SetLatest(*selection, model);
      // The list was cut: the count of the last look stands.
      if (!memory.has_all_tags && !rules->pin.has_value()) model.candidates = prior.candidates;
      return;
    }
    if (absl::IsUnknown(selection.status())) {
      PlanTagOnly(*rules, memory, prior, plan);
    } else {
      plan.diagnostics.Warning(
          Path::Of("repository"), "No image can be selected now",
          absl::StrCat(
              "By the last look at the registry: ", std::string(selection.status().message()),
              "\nApply asks the registry again, and fails unless that has changed."));
    }
  }

  // The tag is known where nothing about its image can rule it out: apply asks for its digest
  // alone.
  static void PlanTagOnly(const SelectionRules& rules, const ImageMemory& memory,
                          const ImagePolicy& prior, TypedPlan<ImagePolicy>& plan) {
    ImagePolicy& model = plan.planned;
    if (rules.LooksAtContent() && !rules.pin.has_value()) return;
    std::vector<std::string> tags = memory.tags;
    for (const image_policy::Skipped& one : memory.refused) std::erase(tags, one.tag);
    const std::optional<Selection> selection = SelectByName(rules, tags);
    if (!selection.has_value()) return;
    const std::string& tag = selection->image.tag;
    SetLatest(*selection, model);
    model.latest_digest = Attr<std::string>::Unknown();
    if (!memory.has_all_tags && !rules.pin.has_value()) model.candidates = prior.candidates;
    model.tag = tag;
    if (!model.arguments.with_digest.value_or(true)) {
      model.image = ImageText(model.arguments, tag, "");
    }
    const auto end = memory.tags.end();
    if (!memory.has_all_tags || std::find(memory.tags.begin(), end, tag) != end) return;
    plan.diagnostics.Warning(
        Path::Of("pin"), absl::StrCat("There is no tag ", tag),
        absl::StrCat("At the last look ", model.arguments.repository.value(), " had no tag ", tag,
                     ". Apply fails unless it is pushed before."));
  }

  // Asks the registry, and fills what the plan left open.
  absl::Status Select(const plugin::CallContext& context,
                      const std::optional<SelectedImage>& current, ImageMemory& memory,
                      ImagePolicy& model, Diagnostics& diagnostics) const {
    DELIVERY_ASSIGN_OR_RETURN(const SelectionRules rules, ToRules(model.arguments));
    DELIVERY_ASSIGN_OR_RETURN(const RegistryCall call,
                              CallFor(registries_, model.arguments, context.stop));
    DELIVERY_ASSIGN_OR_RETURN(const Selection selection,
                              LookUpSelection(call, rules, current, memory));
    SayUnread(selection, diagnostics);
    SetImage(selection.image, model);
    SetLatest(selection, model);
    return absl::OkStatus();
  }

  // The plan promised this image, or this tag.
  absl::Status LookUpPlanned(const plugin::CallContext& context, ImageMemory& memory,
                             ImagePolicy& model) const {
    DELIVERY_ASSIGN_OR_RETURN(const SelectionRules rules, ToRules(model.arguments));
    const absl::StatusOr<SelectedImage> image =
        model.digest.is_known() ? LookUpPlannedDigest(context, rules, memory, model)
                                : LookUpPlannedTag(context, rules, memory, model);
    if (!image.ok()) return image.status();
    SetImage(*image, model);
    model.latest_digest = image->facts.digest;
    if (!model.candidates.is_known()) {
      model.candidates = SelectByName(rules, memory.tags).value_or(Selection()).candidates;
    }
    return absl::OkStatus();
  }

  // Whatever the tag names by now.
  absl::StatusOr<SelectedImage> LookUpPlannedDigest(const plugin::CallContext& context,
                                                    const SelectionRules& rules,
                                                    ImageMemory& memory,
                                                    const ImagePolicy& model) const {
    SelectedImage image{model.tag.value_or(""), {}};
    const RememberedImage* const known = memory.FindDigest(model.digest.value());
    if (known != nullptr) {
      image.facts = known->facts;
      return image;
    }
    DELIVERY_ASSIGN_OR_RETURN(const RegistryCall call,
                              CallFor(registries_, model.arguments, context.stop));
    DELIVERY_ASSIGN_OR_RETURN(
        image.facts, RegistryImages(call, rules, memory).Describe(image.tag, model.digest.value()));
    return image;
  }

  absl::StatusOr<SelectedImage> LookUpPlannedTag(const plugin::CallContext& context,
                                                 const SelectionRules& rules, ImageMemory& memory,
                                                 const ImagePolicy& model) const {
    DELIVERY_ASSIGN_OR_RETURN(const RegistryCall call,
                              CallFor(registries_, model.arguments, context.stop));
    const std::string tag = model.tag.value();
    absl::StatusOr<SelectedImage> image = LookUpTag(call, rules, tag, memory);
    if (image.ok()) return image;
    return absl::Status(
        image.status().code(),
        absl::StrCat("the plan selected the tag ", tag, ": ", std::string(image.status().message()),
                     " Plan again to select from what is there now."));
  }

  absl::Status TakeOn(const plugin::CallContext& context, const oci::Reference& reference,
                      ImageMemory& memory, ImagePolicy& model) const;

  const Registries& registries_;
};

// What the id names becomes the current selection; without a tag and a digest there is none.
absl::Status ImagePolicyResource::TakeOn(const plugin::CallContext& context,
                                         const oci::Reference& reference, ImageMemory& memory,
                                         ImagePolicy& model) const {
  const SelectionRules rules;
  DELIVERY_ASSIGN_OR_RETURN(const RegistryCall call,
                            CallFor(registries_, model.arguments, context.stop));
  memory.repository = reference.CanonicalName();
  RegistryImages images(call, rules, memory);
  DELIVERY_RETURN_IF_ERROR(images.Tags().status());
  std::string digest = reference.digest;
  if (digest.empty()) {
    if (reference.tag.empty()) return absl::OkStatus();
    DELIVERY_ASSIGN_OR_RETURN(digest, images.DigestOf(reference.tag));
  }
  SelectedImage image{reference.tag, {}};
  DELIVERY_ASSIGN_OR_RETURN(image.facts, images.Describe(reference.tag, digest));
  memory.AddSelection(images.ToRemember(image));
  SetImage(image, model);
  SetLatest({std::move(image), 1, {}, "", {}}, model);
  return absl::OkStatus();
}

// `repository[:tag][@digest]`.
TypedState<ImagePolicy> ImagePolicyResource::ImportState(
    const plugin::CallContext& context, const plugin::ImportRequest& request) const {
  TypedState<ImagePolicy> state;
  std::string text = request.id;
  if (request.identity.is_known()) text = request.identity.Get("repository").AsString();
  const absl::StatusOr<oci::Reference> reference = oci::ParseReference(text);
  if (!reference.ok()) {
    state.diagnostics.Error({}, "Invalid import id",
                            absl::StrCat("Give repository[:tag][@digest]: ",
                                         std::string(reference.status().message())));
    return state;
  }
  ImagePolicy model;
  ImagePolicy::Declaration().ApplyDefaults(model);
  model.arguments.repository = reference->name;
  model.id = reference->CanonicalName();
  ImageMemory memory;
  const absl::Status found = TakeOn(context, *reference, memory, model);
  if (!found.ok()) {
    AddFailure(found, absl::StrCat("Cannot import ", text), state.diagnostics);
    return state;
  }
  state.model = std::move(model);
  state.private_state = memory.Serialize();
  return state;
}

}  // namespace

std::unique_ptr<plugin::Resource> MakeImagePolicy(const Registries& registries) {
  return std::make_unique<ImagePolicyResource>(registries);
}

}  // namespace delivery::resources
