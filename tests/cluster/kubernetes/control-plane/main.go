// Command control-plane is every server of the test cluster's control plane in one binary, so that their shared
// packages are linked once: `control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler [flags]`.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata" // CronJob time zones need it where the machine has no tzdata

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // registers client metrics, as the servers' own mains do
	_ "k8s.io/component-base/metrics/prometheus/version"  // registers kubernetes_build_info
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler [flags]")
		os.Exit(2)
	}
	// Each program reads os.Args itself: drop our selector so that it sees its own name first.
	name := os.Args[1]
	os.Args = os.Args[1:]

	var command *cobra.Command
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		fmt.Fprintf(os.Stderr, "control-plane: unknown program %q\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
