"""`python -m wild SOURCE …`, from the root of the checkout. Exit 0: applied, quiet in the second pass, removed."""

import argparse
import pathlib
import signal
import sys
from types import FrameType

import yaml

from tests.clusterkit import controlplane, processes
from wild import ground, source, telling, trying

INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


def main() -> int:
    asked = _arguments()
    try:
        found = source.found(
            asked.source, root=asked.root, values=asked.values, given=asked.given, settings=asked.settings
        )
    except (ValueError, yaml.YAMLError) as error:
        sys.stderr.write(f"wild: {error}\n")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    controlplane.built_binary()  # a first build shows its own progress
    try:
        with ground.ready(found, namespace=asked.namespace) as place:
            report = trying.Try(place, patience=trying.Patience(asked.patience), said=_said).run()
            sys.stdout.write(telling.as_json(report) + "\n" if asked.json else telling.text(report))
            sys.stdout.flush()
            if asked.keep:
                _keep(place)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (processes.PartEndedError, AssertionError, TimeoutError) as problem:
        sys.stderr.write(f"wild: {problem}\n")
        return 1
    return 0 if report.clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m wild", description="What becomes of a folder of manifests.")
    parser.add_argument(
        "source", type=pathlib.Path, help="folder with manifests, a kustomization or a Helm chart; or one file"
    )
    parser.add_argument("--root", type=pathlib.Path, help="folder around it that is needed as well (bases, charts)")
    parser.add_argument("--namespace", default="wild", help="for objects that name none (default: wild)")
    parser.add_argument("--values", type=pathlib.Path, action="append", default=[], help="values file of a chart")
    parser.add_argument(
        "--given", type=pathlib.Path, action="append", default=[], help="manifests that the cluster has before: CRDs"
    )
    parser.add_argument(
        "--settings",
        default="",
        metavar="YAML",
        help="more of application.yaml: '{source: {manifests: {exclude: [ci]}}}'",
    )
    parser.add_argument("--patience", type=float, default=180.0, metavar="SECONDS", help="for one pass (default: 180)")
    parser.add_argument("--json", action="store_true", help="the report for a script")
    parser.add_argument("--keep", action="store_true", help="leave the control plane running, until Ctrl-C")
    return parser.parse_args()


def _said(step: str) -> None:
    sys.stderr.write(f"wild: {step} …\n")


def _keep(place: ground.Ground) -> None:
    sys.stderr.write(f"wild: KUBECONFIG={place.team.cluster.kubeconfig}; {place.team.folder}; Ctrl-C ends it\n")
    signal.pause()


def _leave(number: int, frame: FrameType | None) -> None:
    """The blocks unwind, so that nothing stays; a second signal cannot cut that short."""
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
