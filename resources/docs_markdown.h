// What pages of the reference have in common.
#ifndef DELIVERY_RESOURCES_DOCS_MARKDOWN_H_
#define DELIVERY_RESOURCES_DOCS_MARKDOWN_H_

#include <string>

#include "provider/value/type.h"

namespace delivery::resources {

// A type in words: "List of String".
std::string TypeText(const value::Type& type);

// What the registry reads of a page, and the page's heading.
std::string PageHead(const std::string& title, const std::string& heading,
                     const std::string& description);

// The section with an example in HCL; empty without one.
std::string ExampleSection(const std::string& example);

std::string Fenced(const std::string& language, const std::string& text);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_DOCS_MARKDOWN_H_
