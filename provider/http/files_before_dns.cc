// Linked into static programs only, around c-ares' function of this name. By itself c-ares takes
// the order of /etc/nsswitch.conf, but takes "resolve" there for DNS, where it means systemd's
// resolver, which reads /etc/hosts first: a name of that file would be asked of a server. So the
// file goes first, as it does with nearly every system's own resolver.
#include <ares.h>

extern "C" {

int __real_ares_init_options(ares_channel* channel, ares_options* options, int mask);

int __wrap_ares_init_options(ares_channel* channel, ares_options* options, int mask) {
  static char files_then_dns[] = "fb";
  ares_options with_order = options == nullptr ? ares_options{} : *options;
  with_order.lookups = files_then_dns;
  return __real_ares_init_options(channel, &with_order, mask | ARES_OPT_LOOKUPS);
}

}  // extern "C"
