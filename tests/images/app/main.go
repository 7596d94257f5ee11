// Command app is the web application that the tests and the demo release. Its image decides how it behaves, through
// the image's environment (see ../images.json), so that a new tag is all that a release changes; a pod may override it.
//
//	VERSION        what / and /version answer
//	START_FAILURE  if set: print it as a panic on stderr and exit 1
//	CRASH_AFTER    duration after which it prints a panic and exits 1
//	READY_AFTER    duration until /healthz answers 200 ("never": it never does)
//	STATUS         HTTP status of / (default 200)
//	ERROR_PERCENT  share of requests to / that answer 500 (default 0)
//	DELAY          duration that / takes to answer
//	DRAIN          how long it still serves after SIGTERM (default 500ms)
//	LISTEN         address (default :8080)
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

type application struct {
	version      string
	pod          string
	status       int
	errorPercent int
	delay        time.Duration
	readyAt      time.Time // zero: never
	metrics      *metrics
}

func main() {
	if failure := os.Getenv("START_FAILURE"); failure != "" {
		fmt.Fprintf(os.Stderr, "starting web %s\nconnecting to database db.internal:5432\npanic: %s\n\ngoroutine 1 [running]:\nmain.main()\n",
			os.Getenv("VERSION"), failure)
		os.Exit(1)
	}
	pod, _ := os.Hostname() // a container's is its pod's name; without one it is empty
	app := &application{
		pod:          pod,
		version:      text("VERSION", "unknown"),
		status:       number("STATUS", http.StatusOK),
		errorPercent: number("ERROR_PERCENT", 0),
		delay:        duration("DELAY", 0),
		metrics:      newMetrics(text("VERSION", "unknown")),
	}
	if os.Getenv("READY_AFTER") != "never" {
		app.readyAt = time.Now().Add(duration("READY_AFTER", 0))
	}
	if after := duration("CRASH_AFTER", 0); after > 0 {
		time.AfterFunc(after, func() {
			fmt.Fprintln(os.Stderr, "panic: lost connection to the queue\n\ngoroutine 1 [running]:\nmain.main()")
			os.Exit(1)
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", app.serveRoot)
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, app.version) })
	mux.HandleFunc("/healthz", app.serveHealth)
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { app.metrics.write(w) })
	server := &http.Server{Addr: text("LISTEN", ":8080"), Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	go func() {
		fmt.Printf("web %s listens on %s\n", app.version, server.Addr)
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			fmt.Fprintln(os.Stderr, "cannot listen:", err)
			os.Exit(1)
		}
	}()
	<-stop.Done()

	// A pod that ends still gets requests until everyone has heard of it. It serves on as before: Kubernetes knows that
	// it ends, and a readiness probe that fails now would leave a warning event behind every healthy rollout.
	fmt.Println("draining")
	time.Sleep(duration("DRAIN", 500*time.Millisecond))
	bound, cancelBound := context.WithTimeout(context.Background(), time.Second)
	defer cancelBound()
	server.Shutdown(bound)
}

func (app *application) serveRoot(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	time.Sleep(app.delay)
	status := app.status
	// Spread evenly instead of at random, so that a test of 100 requests sees exactly this share.
	if app.errorPercent > 0 && int(app.metrics.next()%100) < app.errorPercent {
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-Version", app.version)
	w.Header().Set("X-Pod", app.pod)
	w.WriteHeader(status)
	if status >= 500 {
		fmt.Fprintf(w, "internal error in web %s\n", app.version)
		fmt.Fprintf(os.Stderr, "error: %s %s answered %d\n", r.Method, r.URL.Path, status)
	} else {
		fmt.Fprintf(w, "web %s\n", app.version)
	}
	app.metrics.observe(status, time.Since(began))
}

func (app *application) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if app.readyAt.IsZero() || time.Now().Before(app.readyAt) {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func text(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func number(name string, otherwise int) int {
	value, err := strconv.Atoi(text(name, strconv.Itoa(otherwise)))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s must be a number: %v\n", name, err)
		os.Exit(2)
	}
	return value
}

func duration(name string, otherwise time.Duration) time.Duration {
	value, err := time.ParseDuration(text(name, otherwise.String()))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s must be a duration: %v\n", name, err)
		os.Exit(2)
	}
	return value
}
