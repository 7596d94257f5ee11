#include "resources/command_line.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "resources/docs.h"
#include "resources/schema_json.h"

namespace delivery::resources {
namespace {

struct Command {
  const char* usage;
  const char* meaning;
};

constexpr Command kCommands[] = {
    {"version   ", "print the version"},
    {"schema    ", "print the schema as JSON, as `terraform providers schema -json` does"},
    {"docs [DIR]", "write the reference to DIR/docs (here by default), with DIR/examples in it"},
    {"debug     ", "serve until interrupted; prints the TF_REATTACH_PROVIDERS to work with"},
    {"help      ", "print this"},
};

int WriteReference(const std::string& folder, const plugin::Provider& provider,
                   const Console& console) {
  const absl::Status written = WriteDocs(provider, folder, [&](const std::string& page) {
    if (console.progress) console.out << page << std::endl;
  });
  if (written.ok()) return 0;
  console.errors << written.message() << "\n";
  return 1;
}

int Misused(const Console& console) {
  PrintHelp(console, console.errors);
  return 2;
}

}  // namespace

void PrintHelp(const Console& console, std::ostream& to) {
  const bool bold = console.colours && &to == &console.out;
  to << "terraform-provider-delivery " << console.version
     << " is a plugin: Terraform and OpenTofu start it and speak to it.\n"
        "To use it, run `terraform init` or `tofu init` where a configuration requires\n"
        "delivery-tf/delivery.\n"
        "\n"
        "usage: terraform-provider-delivery <command>\n"
        "\n";
  for (const Command& command : kCommands) {
    to << "  " << (bold ? "\033[1m" : "") << command.usage << (bold ? "\033[0m" : "") << "  "
       << command.meaning << "\n";
  }
}

std::optional<int> RunCommand(const std::vector<std::string>& arguments,
                              const plugin::Provider& provider, const Console& console) {
  if (arguments.empty()) return std::nullopt;
  const std::string& command = arguments[0];
  if (command == "docs" && arguments.size() <= 2) {
    return WriteReference(arguments.size() == 2 ? arguments[1] : ".", provider, console);
  }
  if (arguments.size() > 1) return Misused(console);
  if (command == "debug") return std::nullopt;
  if (command == "version" || command == "--version") {
    console.out << console.version << "\n";
  } else if (command == "schema") {
    console.out << DumpJson(SchemaAsJson(provider, console.provider_address)) << "\n";
  } else if (command == "help" || command == "--help" || command == "-h") {
    PrintHelp(console, console.out);
  } else {
    return Misused(console);
  }
  return 0;
}

}  // namespace delivery::resources
