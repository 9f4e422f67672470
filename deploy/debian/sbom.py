"""The bill of materials of the program, as CycloneDX 1.5: every crate that is linked into it, with its licence and its checksum.

Usage: sbom.py CHECKOUT VERSION
"""
import json, os, subprocess, sys, tomllib, uuid
from datetime import datetime, timezone
from pathlib import Path

top, version = Path(sys.argv[1]), sys.argv[2]
target = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout.split("host: ")[1].split()[0]
told = subprocess.run(["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", target],
                      cwd=top, capture_output=True, text=True, check=True)
metadata = json.loads(told.stdout)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
checksums = {(it["name"], it["version"]): it.get("checksum") for it in tomllib.loads((top / "Cargo.lock").read_text())["package"]}


def linked(node):
    """What is linked into a package or builds it; what only tests need is not."""
    return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])]


root = next(id for id, package in packages.items() if package["name"] == "switchboard")
seen, open_ = {root}, [root]
while open_:
    for found in linked(nodes[open_.pop()]):
        if found not in seen:
            seen.add(found)
            open_.append(found)

ref = lambda id: f"pkg:cargo/{packages[id]['name']}@{packages[id]['version']}"


def component(id):
    package = packages[id]
    one = {"type": "application" if id == root else "library", "bom-ref": ref(id), "name": package["name"], "version": package["version"], "purl": ref(id)}
    if package.get("description"):
        one["description"] = " ".join(package["description"].split())
    if licence := package.get("license"):
        one["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if checksum := checksums.get((package["name"], package["version"])):
        one["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if repository := package.get("repository"):
        one["externalReferences"] = [{"type": "vcs", "url": repository}]
    return one


order = sorted(seen, key=ref)
moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), timezone.utc)
bill = {
    "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
    "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ref(root) + ' '.join(map(ref, order)))}",
    "metadata": {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": {**component(root), "version": version}},
    "components": [component(id) for id in order if id != root],
    "dependencies": [{"ref": ref(id), "dependsOn": sorted(ref(dep) for dep in linked(nodes[id]) if dep in seen)} for id in order],
}
print(json.dumps(bill, indent=1, ensure_ascii=False))
