"""Write the bill of materials of the lock file, as CycloneDX JSON: `make sbom`.

cyclonedx-py reads the lock file (versions, hashes) and the environment that was installed from it (licences); here
they are put together, and what only developers need is told apart. The same lock file gives the same bytes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.supply_chain import lock

LOCKED = "requirements.lock"
Json = dict[str, Any]


def written(*arguments: str) -> Json:
    """What cyclonedx-py says."""
    command = [sys.executable, "-m", "cyclonedx_py", *arguments, "--output-reproducible"]
    command += ["--spec-version", "1.6", "--no-validate"]  # the whole is validated once
    done = subprocess.run([*command, "-o", "-"], capture_output=True, text=True, check=False, cwd=lock.ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    bill: Json = json.loads(done.stdout)
    return bill


def bill_of_materials() -> Json:
    """All of it. Raises SystemExit when a package has no licence, or no hash, that could be told."""
    locked = lock.read((lock.ROOT / LOCKED).read_text())
    needed = lock.runtime(locked)
    installed = {lock.normal(one["name"]): one for one in written("environment", sys.prefix)["components"]}
    whole = written("requirements", LOCKED, "--pyproject", "pyproject.toml")
    components = [
        _completed(one, installed, scope="required" if lock.normal(one["name"]) in needed else "excluded")
        for one in whole["components"]
    ]
    whole["components"] = sorted(components, key=lambda one: str(one["bom-ref"]))
    refs = {lock.normal(one["name"]): one["bom-ref"] for one in components}
    root = whole["metadata"]["component"]["bom-ref"]
    asked: dict[str, set[str]] = {root: set(), **{ref: set() for ref in refs.values()}}
    for name, each in locked.items():
        for by in each.via:
            asked[root if by == lock.OURS else refs[by]].add(refs[name])
    whole["dependencies"] = [{"ref": ref, "dependsOn": sorted(needs)} for ref, needs in sorted(asked.items())]
    if complaint := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(whole)):
        raise SystemExit(f"the bill is not what CycloneDX wants: {complaint}")
    return whole


def _completed(component: Json, installed: Mapping[str, Json], *, scope: str) -> Json:
    """A line of a lock file, with what its installed package says of itself."""
    about = installed.get(lock.normal(component["name"]), {})
    hashes = [one for reference in component.get("externalReferences", []) for one in reference.get("hashes", [])]
    licences = about.get("licenses", [])
    if not hashes or not licences:
        raise SystemExit(f"{component['name']}: no {'licence' if hashes else 'hash'} is known; is it installed?")
    described = {"description": about["description"]} if "description" in about else {}
    kept = {key: value for key, value in component.items() if key != "description"}
    return kept | described | {"bom-ref": component["purl"], "licenses": licences, "scope": scope}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.supply_chain.sbom", description=__doc__)
    arguments.add_argument("file", type=pathlib.Path, nargs="?", default=lock.ROOT / "sbom.cdx.json")
    file: pathlib.Path = arguments.parse_args().file
    bill = bill_of_materials()
    file.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    needed = sum(one["scope"] == "required" for one in bill["components"])
    print(f"{file}: {len(bill['components'])} components with hashes and licences, {needed} of which a daemon needs")


if __name__ == "__main__":
    main()
