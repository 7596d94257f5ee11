// What a crash leaves behind. The host collects plain stderr lines from "panic: " on and shows them
// as the plugin's stack trace when the plugin is gone (docs/protocol.md, "Logs").
#ifndef DELIVERY_PLUGIN_CRASH_REPORT_H_
#define DELIVERY_PLUGIN_CRASH_REPORT_H_

namespace delivery::plugin {

// Makes std::terminate and the signals SEGV, BUS, FPE, ILL and ABRT write a report with a backtrace
// to stderr; the signal then does what it does by default. Registered secrets in an exception's
// text are redacted. Call once, from the main thread.
void InstallCrashReport();

}  // namespace delivery::plugin

#endif  // DELIVERY_PLUGIN_CRASH_REPORT_H_
