// How long a policy takes over the tags of a large repository, and how much memory beyond them.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "provider/image_policy/policy.h"

namespace {

std::atomic<size_t> memory_now{0};
std::atomic<size_t> memory_peak{0};

}  // namespace

// Everything the program allocates is counted.
void* operator new(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  const size_t now = memory_now += malloc_usable_size(memory);
  if (now > memory_peak) memory_peak = now;
  return memory;
}

void operator delete(void* memory) noexcept {
  memory_now -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, size_t /*size*/) noexcept { operator delete(memory); }

namespace delivery::image_policy {
namespace {

// What the resource shows.
constexpr size_t kMaxSkipped = 20;

using Tags = std::vector<std::string>;

Tags Shuffled(Tags tags) {
  std::shuffle(tags.begin(), tags.end(), std::mt19937(1));
  return tags;
}

// Releases, each with a candidate before it, and one tag in ten that is no version.
Tags VersionTags(size_t count) {
  Tags tags;
  for (size_t i = 0; tags.size() < count; ++i) {
    const std::string version = absl::StrCat("v", i / 1000, ".", i / 20 % 50, ".", i % 20);
    if (i % 5 == 0) tags.push_back(absl::StrCat("sha-", i * 2654435761));
    tags.push_back(version);
    tags.push_back(absl::StrCat(version, "-rc.1"));
  }
  tags.resize(count);
  return Shuffled(std::move(tags));
}

Tags BuildTags(size_t count) {
  Tags tags;
  for (size_t i = 0; i < count; ++i) {
    tags.push_back(absl::StrCat("main-", i * 2654435761 % 1000000007, "-", 1700000000 + i));
  }
  return Shuffled(std::move(tags));
}

void Measure(benchmark::State& state, const Policy& policy, const Tags& tags) {
  size_t peak = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Tags given = tags;
    const size_t before = memory_now;
    memory_peak = before;
    state.ResumeTiming();
    Ranking ranking = Rank(policy, std::move(given), {}, kMaxSkipped);
    benchmark::DoNotOptimize(ranking);
    state.PauseTiming();
    peak = std::max(peak, memory_peak - before);
    ranking = {};
    state.ResumeTiming();
  }
  state.counters["peak_bytes_per_tag"] =
      static_cast<double>(peak) / static_cast<double>(tags.size());
}

void BM_Semver(benchmark::State& state) {
  Measure(state, {Semver{*Range::Parse(">=1.0.0-0")}, std::nullopt},
          VersionTags(static_cast<size_t>(state.range(0))));
}

// Nearly all are skipped.
void BM_SemverOutside(benchmark::State& state) {
  Measure(state, {Semver{*Range::Parse(">=1.2.0 <1.3.0")}, std::nullopt},
          VersionTags(static_cast<size_t>(state.range(0))));
}

void BM_NumericalWithFilter(benchmark::State& state) {
  Measure(state, {Numerical{}, *TagFilter::Compile("^main-[0-9]+-(?P<ts>[0-9]+)$", "$ts")},
          BuildTags(static_cast<size_t>(state.range(0))));
}

void BM_Alphabetical(benchmark::State& state) {
  Measure(state, {Alphabetical{}, std::nullopt}, BuildTags(static_cast<size_t>(state.range(0))));
}

BENCHMARK(BM_Semver)->Arg(10000)->Arg(50000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_SemverOutside)->Arg(10000)->Arg(50000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NumericalWithFilter)->Arg(10000)->Arg(50000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Alphabetical)->Arg(10000)->Arg(50000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace delivery::image_policy
