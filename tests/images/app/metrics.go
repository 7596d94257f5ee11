package main

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"time"
)

// Upper bounds of the duration histogram, in seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// metrics counts requests to / and writes them in Prometheus' text format.
type metrics struct {
	version string
	mutex   sync.Mutex
	served  uint64
	codes   map[int]uint64
	buckets []uint64
	sum     float64
	count   uint64
}

func newMetrics(version string) *metrics {
	return &metrics{version: version, codes: map[int]uint64{200: 0, 500: 0}, buckets: make([]uint64, len(bounds))}
}

// next numbers requests from 0, stepping through 0..99 in an order that spreads any share evenly.
func (m *metrics) next() uint64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	number := m.served * 37 // 37 and 100 have no common factor: each value once per 100 requests
	m.served++
	return number
}

func (m *metrics) observe(status int, took time.Duration) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.codes[status]++
	m.count++
	m.sum += took.Seconds()
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			m.buckets[i]++
		}
	}
}

func (m *metrics) write(w io.Writer) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	fmt.Fprintf(w, "# TYPE app_info gauge\napp_info{version=%q} 1\n# TYPE http_requests_total counter\n", m.version)
	codes := make([]int, 0, len(m.codes))
	for code := range m.codes {
		codes = append(codes, code)
	}
	sort.Ints(codes)
	for _, code := range codes {
		fmt.Fprintf(w, "http_requests_total{code=\"%d\",version=%q} %d\n", code, m.version, m.codes[code])
	}
	fmt.Fprint(w, "# TYPE http_request_duration_seconds histogram\n")
	for i, bound := range bounds {
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\",version=%q} %d\n", bound, m.version, m.buckets[i])
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\",version=%q} %d\n", m.version, m.count)
	fmt.Fprintf(w, "http_request_duration_seconds_sum{version=%q} %g\nhttp_request_duration_seconds_count{version=%q} %d\n",
		m.version, m.sum, m.version, m.count)
}
