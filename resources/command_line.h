// What the binary does when a person runs it: help, version, schema and docs.
#ifndef DELIVERY_RESOURCES_COMMAND_LINE_H_
#define DELIVERY_RESOURCES_COMMAND_LINE_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "provider/plugin/resource.h"

namespace delivery::resources {

// What is known of the program, and where it may write.
struct Console {
  std::string version;
  std::string provider_address;  // registry host/namespace/name
  std::ostream& out;
  std::ostream& errors;
  bool progress = false;  // for a person who watches, not for a file or a pipe
  bool colours = false;
};

// The explanation that a person needs who ran the program without saying what for.
void PrintHelp(const Console& console, std::ostream& to);

// The exit code of the command that the arguments name; nullopt when they ask for serving (none,
// or "debug").
std::optional<int> RunCommand(const std::vector<std::string>& arguments,
                              const plugin::Provider& provider, const Console& console);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_COMMAND_LINE_H_
