// Rules that the provider's blocks with credentials share. Unknown values are passed over.
#ifndef DELIVERY_RESOURCES_CREDENTIAL_RULES_H_
#define DELIVERY_RESOURCES_CREDENTIAL_RULES_H_

#include <string>

#include "provider/schema/attr.h"
#include "provider/value/diagnostics.h"
#include "provider/value/path.h"

namespace delivery::resources {

// Not null and not empty, as far as is known.
bool IsGiven(const schema::Attr<std::string>& text);

// What file() reads ends with a line break, which no secret has.
void ValidateSecret(const schema::Attr<std::string>& secret, const value::Path& path,
                    Diagnostics& diagnostics);

// PEM with a certificate in it, or nothing.
void ValidateCertificate(const schema::Attr<std::string>& pem, const value::Path& path,
                         Diagnostics& diagnostics);

}  // namespace delivery::resources

#endif  // DELIVERY_RESOURCES_CREDENTIAL_RULES_H_
