"""What acts inside the sandbox: models of the controllers, the scheduler and the kubelet of Kubernetes 1.36.

`running.Controllers` runs them. Each module is one controller: it looks at one object and takes a few steps towards
what the object asks for, as kube-controller-manager does (its source is the model, its recorded statuses the proof:
the cases in `tests/contracts/` pass on both). Nothing here waits, and nothing is random.
"""
