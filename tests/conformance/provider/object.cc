// conformance_object: a file, so that there is something outside that can drift, vanish and be
// imported; and failures of every kind.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "provider/base/clock.h"
#include "provider/base/json.h"
#include "provider/base/redact.h"
#include "tests/conformance/provider/declare.h"
#include "tests/conformance/provider/thing.h"

namespace delivery::conformance {
namespace {

using plugin::ApplyRequest;
using plugin::ApplyResponse;
using plugin::CallContext;
using plugin::ImportRequest;
using plugin::MoveRequest;
using plugin::PlanRequest;
using plugin::PlanResponse;
using plugin::ReadRequest;
using plugin::ReadResponse;
using value::Path;
using value::Type;
using value::Value;

schema::Schema ObjectSchema() {
  schema::Schema schema;
  schema.block.description = "A file.";
  schema::Attribute content = Optional("content", Type::String());
  content.computed = true;  // "plain" unless configured
  schema.block.attributes = {
      Required("file", Type::String()), std::move(content),
      Optional("weight", Type::Number()),  // at most 100
      // orphan, nothing, secret, utf8, throw, segv, thread; "sleep" waits for a stop.
      Optional("behaviour", Type::String()),
      Computed("applied", Type::Number()),  // how often; counted in private state
  };
  schema.block.blocks = {
      DeclareBlock(
          "rule", schema::Nesting::kSet,
          {Required("host", Type::String()), Optional("ports", Type::Set(Type::Number()))}),
      DeclareBlock("step", schema::Nesting::kList, {Required("weight", Type::Number())}),
  };
  return schema;
}

std::string Text(const Value& object, const char* name) {
  const Value value = object.Get(name);
  return value.is_string() ? value.AsString() : "";
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void CheckWeight(const Value& weight, const Path& path, Diagnostics& diagnostics) {
  if (!weight.is_number() || weight.AsNumber().AsDouble() <= 100) return;
  diagnostics.Error(path, "Weight out of range", "A weight is at most 100.");
}

// What an apply does that goes wrong after the file is written.
void Misbehave(const std::string& behaviour, ApplyResponse& response) {
  if (behaviour == "orphan") {
    response.state = Value::Null(response.state.type());
    response.diagnostics.Error({}, "Nothing to show", "An error without state.");
  } else if (behaviour == "secret") {
    RegisterSecret("registered-token-value");
    response.diagnostics.Error({}, "Leak", "The token is <registered-token-value>.");
  } else if (behaviour == "utf8") {
    response.diagnostics.Error({}, "Bad text \xff", "Before \xc3\x28 after.");
  } else if (behaviour == "throw") {
    throw std::runtime_error("thrown by a resource");
  } else if (behaviour == "segv") {
    std::raise(SIGSEGV);
  } else if (behaviour == "thread") {
    std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
  }
}

class Object : public plugin::Resource {
 public:
  const std::string& type_name() const override { return type_name_; }
  const schema::Schema& schema() const override { return schema_; }

  Diagnostics Validate(const Value& config) const override {
    Diagnostics diagnostics;
    CheckWeight(config.Get("weight"), Path::Of("weight"), diagnostics);
    const Value steps = config.Get("step");
    if (!steps.is_known()) return diagnostics;
    for (size_t i = 0; i < steps.elements().size(); ++i) {
      CheckWeight(steps.elements()[i].Get("weight"),
                  Path::Of("step").At(static_cast<int64_t>(i)).Attr("weight"), diagnostics);
    }
    return diagnostics;
  }

  ReadResponse Read(const CallContext&, const ReadRequest& request) const override {
    ReadResponse response{Value::Null(type_), request.private_state, {}, {}};
    const std::optional<std::string> content = ReadFile(Text(request.prior, "file"));
    if (content.has_value()) {
      response.state = request.prior.With("content", Value::String(*content));
    }
    return response;
  }

  PlanResponse Plan(const CallContext&, const PlanRequest& request) const override {
    PlanResponse response;
    response.private_state = request.private_state;
    response.planned = request.proposed;
    if (request.config.is_null()) {
      response.diagnostics.Warning({}, "The file will be gone", Text(request.prior, "file"));
      return response;
    }
    if (request.config.Get("content").is_null()) {
      response.planned = response.planned.With("content", Value::String("plain"));
    }
    if (response.planned == request.prior) return response;
    response.planned = response.planned.With("applied", Value::Unknown(Type::Number()));
    if (!(request.prior.Get("file") == response.planned.Get("file"))) {
      response.requires_replace.push_back(Path::Of("file"));
    }
    return response;
  }

  ApplyResponse Apply(const CallContext& context, const ApplyRequest& request) const override {
    const bool destroy = request.planned.is_null();
    const Value& object = destroy ? request.prior : request.planned;
    const std::string behaviour = Text(object, "behaviour");
    const bool sleeps = behaviour == "sleep";
    if (sleeps) std::ofstream(Text(object, "file") + ".began") << "x";
    const bool finished = !sleeps || Clock::Real().Sleep(absl::Seconds(60), context.stop);
    return destroy ? Destroy(request, finished) : Write(request, behaviour, finished);
  }

  ReadResponse Import(const CallContext&, const ImportRequest& request) const override {
    return {Bare(request.id), "0", {}, {}};
  }

  // From any resource whose state is an object with an input, as terraform_data has it.
  ReadResponse Move(const CallContext&, const MoveRequest& request) const override {
    const absl::StatusOr<Json> json = ParseJson(request.source_state_json);
    if (json.ok() && request.source_type == "terraform_data") {
      return {Bare(GetString(GetObject(*json, "input"), "value")), "0", {}, {}};
    }
    ReadResponse response;
    response.diagnostics.Error({}, "Cannot be moved", request.source_provider_address);
    return response;
  }

 private:
  ApplyResponse Destroy(const ApplyRequest& request, bool finished) const {
    ApplyResponse response;
    response.state = Value::Null(type_);
    if (finished) {
      std::remove(Text(request.prior, "file").c_str());
      return response;
    }
    response.state = request.prior;
    response.private_state = request.private_state;
    response.diagnostics.Error({}, "Stopped", "The file is still there.");
    return response;
  }

  ApplyResponse Write(const ApplyRequest& request, const std::string& behaviour,
                      bool finished) const {
    ApplyResponse response;
    int64_t applied = 0;
    static_cast<void>(absl::SimpleAtoi(request.private_state, &applied));
    response.private_state = absl::StrCat(++applied);
    response.state = request.planned.With("applied", Value::Number(applied));
    if (!finished) response.diagnostics.Warning({}, "Stopped early", "Apply again to go on.");
    if (behaviour == "nothing") {
      response.state = Value::Null(type_);
      response.diagnostics.Error({}, "Failed at once", "Nothing was written.");
      return response;
    }
    std::ofstream(Text(request.planned, "file")) << Text(request.planned, "content");
    Misbehave(behaviour, response);
    return response;
  }

  // What import and move know: Read finds out the rest.
  Value Bare(const std::string& file) const {
    Value::Map attributes;
    for (const auto& [attribute, type] : type_.attributes()) {
      attributes.emplace(attribute, Value::Null(type));
    }
    const Type rule = type_.attributes().at("rule").element();
    const Type step = type_.attributes().at("step").element();
    attributes["rule"] = Value::MakeSet(rule, {});
    attributes["step"] = Value::MakeList(step, {});
    attributes["file"] = Value::String(file);
    return Value::Object(std::move(attributes));
  }

  const std::string type_name_ = "conformance_object";
  const schema::Schema schema_ = ObjectSchema();
  const Type type_ = schema_.block.ImpliedType();
};

}  // namespace

std::unique_ptr<plugin::Resource> MakeObject() { return std::make_unique<Object>(); }

}  // namespace delivery::conformance
