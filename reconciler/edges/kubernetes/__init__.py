"""One Kubernetes API server behind `ports.Cluster`: `cluster.connect` opens it."""
