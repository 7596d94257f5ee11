// Numbers that metric sources give as text, and the texts of others in a sample's detail.
#ifndef DELIVERY_METRICS_SAMPLE_TEXT_H_
#define DELIVERY_METRICS_SAMPLE_TEXT_H_

#include <cstddef>
#include <string>

#include "provider/analysis/analysis.h"

namespace delivery::metrics {

// Of the words of others: what is stored with a release must stay small.
inline constexpr size_t kLongestWords = 300;

analysis::Sample NoData(std::string detail);
analysis::Sample Ambiguous(std::string detail);
// NaN is no data, infinity is ambiguous.
analysis::Sample SampleOf(double value);
// "0.5", "1e+06", "NaN", "+Inf"; what is no number is ambiguous.
analysis::Sample SampleOfText(const std::string& text);

}  // namespace delivery::metrics

#endif  // DELIVERY_METRICS_SAMPLE_TEXT_H_
