#!/usr/bin/env bash
# Makes the libcurl that the static build links: from the source of the Debian package that is installed, with only what
# provider/http uses. Prints the folder that has it; when it was made before, that is all. CMake calls this when it configures.
# Usage: static_curl.sh <architecture> [options for cmake]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
architecture=$1
shift

version=$(dpkg-query -W -f '${source:Version}' libcurl4-openssl-dev)
libraries=$(dpkg-query -W -f '${Package} ${Version}\n' libssl-dev libnghttp2-dev libc-ares-dev gcc)
key=$({ cat static_curl.sh; echo "$version $libraries"; } | sha256sum | cut -c 1-16)
cache=${DELIVERY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/terraform-provider-delivery}
made=$cache/curl-$architecture-$key
if [[ -e $made/lib/libcurl.a ]]; then
  echo "$made"
  exit 0
fi

mkdir -p "$cache"
# Beside its final place, to be moved there whole.
scratch=$(mktemp -d "$cache/.curl-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
echo "compiling libcurl $version for $architecture" >&2
./debian_source.sh curl "$version" "$scratch"

# Names are resolved by c-ares: the C library's resolver loads modules at run time, which a static program cannot.
options=(
  -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF
  -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DUSE_NGHTTP2=ON -DENABLE_ARES=ON
  -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none
  -DUSE_LIBIDN2=OFF -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF
  -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_CRYPTO_AUTH=ON -DCURL_DISABLE_DOH=ON
  -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_MIME=ON -DCURL_DISABLE_NETRC=ON -DCURL_DISABLE_NTLM=ON
)
log=$scratch/log
# Folders of this machine must not get into the archive, else no two machines make the same.
if ! { cmake -S "$scratch/curl" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
         -DCMAKE_C_FLAGS="-ffunction-sections -fdata-sections -ffile-prefix-map=$scratch=." \
         -DCMAKE_INSTALL_PREFIX="$scratch/made" -DCMAKE_INSTALL_LIBDIR=lib "${options[@]}" "$@" &&
       cmake --build "$scratch/build" --target install; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "error: libcurl $version could not be compiled for $architecture" >&2
  exit 1
fi
cp "$scratch/curl/debian/copyright" "$scratch/made/copyright"
echo "$version" >"$scratch/made/version"
# Somebody else may have been faster.
mv -T "$scratch/made" "$made" 2>/dev/null || [[ -e $made/lib/libcurl.a ]]
echo "$made"
