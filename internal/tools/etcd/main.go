// Command etcd is a member of etcd for tests, and what restores its backups.
package main

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.uber.org/zap"
)

// usage is how data are restored; everything else is an argument of etcd.
const usage = "usage: etcd restore SNAPSHOT DATA-DIR NAME PEER-URL"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "restore" {
		if err := restore(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	etcdmain.Main(os.Args)
}

// restore makes the data of the only member of a new cluster from a snapshot, as
// "etcdutl snapshot restore" does.
func restore(args []string) error {
	if len(args) != 4 {
		return errors.New(usage)
	}
	return snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: args[0], OutputDataDir: args[1], Name: args[2], PeerURLs: []string{args[3]},
		InitialCluster: args[2] + "=" + args[3], InitialClusterToken: args[3] + "-restored",
	})
}
