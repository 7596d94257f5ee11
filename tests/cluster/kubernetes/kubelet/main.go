// Command kubelet is the node agent of the test cluster. It is a binary of its own because its flags and its
// feature registrations are global and would mix with those of the control plane.
package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // registers client metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // registers kubernetes_build_info
	"k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	os.Exit(cli.Run(app.NewKubeletCommand(context.Background())))
}
