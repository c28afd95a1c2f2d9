// Command control-plane is a whole Kubernetes control plane in one binary, for
// tests on one machine: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, and kwok, which plays nodes and pods without running anything.
// Each is a subcommand that takes its upstream flags. `keygen FILE` writes a
// private key for service accounts, so that nobody needs openssl.
//
// With CONTROL_PLANE_OWNER set to the process id of its parent, a part ends when
// that parent is gone, however it went: no run leaves processes behind.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler|kwok FLAGS, or keygen FILE")
	}
	endWithOwner()
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kwok":
		if err := newKwokCommand().Execute(); err != nil {
			fail(err.Error())
		}
	case "keygen":
		if err := writeKey(os.Args[1:]); err != nil {
			fail("control-plane keygen: " + err.Error())
		}
	default:
		fail("control-plane: no part named " + name)
	}
}

// newKwokCommand adds to kwok's command the flags that its own main registers.
func newKwokCommand() *cobra.Command {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = log.InitFlags(ctx, flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		fail(err.Error())
	}
	command := kwok.NewCommand(ctx)
	command.SetContext(ctx)
	command.Version = "" // its --version would clash with the one that kube-apiserver registers globally
	command.PersistentFlags().AddFlagSet(flags)
	return command
}

// endWithOwner compares parents by polling because no call for it exists on every
// system, and Linux's parent-death signal is about a thread of the parent, not the parent.
func endWithOwner() {
	owner, err := strconv.Atoi(os.Getenv("CONTROL_PLANE_OWNER"))
	if err != nil {
		return // nobody asked for it
	}
	go func() {
		for os.Getppid() == owner {
			time.Sleep(200 * time.Millisecond)
		}
		os.Exit(1)
	}()
}

func writeKey(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("usage: control-plane keygen FILE")
	}
	key, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	return os.WriteFile(arguments[0], key, 0o600)
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
