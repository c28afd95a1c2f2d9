"""A cluster inside the process, on a clock that can be virtual: `cluster.SandboxCluster` fulfils `ports.Cluster`."""
