"""What a package has to say of the libraries in it: a bill of materials (SPDX) and their notices."""

import hashlib
import json
import pathlib
import re
import time
import urllib.parse

COMMON_LICENCES = pathlib.Path("/usr/share/common-licenses")


def _package(library):
    return {
        "SPDXID": "SPDXRef-%s" % library.source,
        "name": library.source,
        "versionInfo": library.version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": library.licence,
        "licenseDeclared": library.licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": "pkg:deb/debian/%s@%s?arch=source&distro=debian-12"
                                % (library.source, urllib.parse.quote(library.version)),
        }],
    }


def spdx(name, version, architecture, binary, libraries, epoch):
    """The bill of materials as text."""
    digest = hashlib.sha256(binary).hexdigest()
    ours = {
        "SPDXID": "SPDXRef-provider",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION",
    }
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "%s_%s_linux_%s" % (name, version, architecture),
        "documentNamespace": "https://spdx.org/spdxdocs/%s-%s-%s" % (name, version, digest),
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "creators": ["Tool: %s-package" % name],
        },
        "documentDescribes": ["SPDXRef-provider"],
        "packages": [ours] + [_package(library) for library in libraries],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                           "relatedSpdxElement": "SPDXRef-provider"}] +
                         [{"spdxElementId": "SPDXRef-provider", "relationshipType": "STATIC_LINK",
                           "relatedSpdxElement": "SPDXRef-%s" % library.source} for library in libraries],
    }
    return json.dumps(document, indent=2) + "\n"


def notices(name, libraries):
    """The copyright files of the libraries, and the licences that these only refer to, as text."""
    parts = ["This copy of %s contains the following libraries, as Debian distributes them; their sources\n"
             "are Debian's source packages of these versions. The GNU C Library is under the LGPL: to link another\n"
             "version, build the provider from its source (CONTRIBUTING.md).\n" % name]
    parts += ["  %s %s (%s)\n" % (library.source, library.version, library.licence) for library in libraries]
    referred = set()
    for library in libraries:
        text = library.copyright.read_text(errors="replace")
        referred |= set(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", text))
        parts.append(_titled(library.source, text))
    for licence in sorted(referred):
        parts.append(_titled(licence, (COMMON_LICENCES / licence).read_text(errors="replace")))
    return "".join(parts)


def _titled(title, text):
    return "\n%s\n%s\n\n%s" % (title, "=" * len(title), text)
