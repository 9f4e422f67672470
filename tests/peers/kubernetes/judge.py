"""The manifests are valid by the published schemas, fit each other, and give calls the time that they need."""
import copy, json, os, re, subprocess, sys, tempfile
from pathlib import Path

import kubernetes_validate, yaml

binary, path = sys.argv[1], Path(sys.argv[2])
documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
VERSIONS = ["1.30", "1.34"]
for version in VERSIONS:
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
# The check can fail.
broken = copy.deepcopy(next(it for it in documents if it["kind"] == "Deployment"))
broken["spec"]["template"]["spec"]["terminationGraceSeconds"] = 5
try:
    kubernetes_validate.validate(broken, VERSIONS[0], strict=True)
    sys.exit("a misspelt key is taken")
except kubernetes_validate.ValidationError:
    pass

by = {(it["kind"], it["metadata"]["name"]): it for it in documents}
deployment = by["Deployment", "switchboard"]["spec"]
pod = deployment["template"]["spec"]
container = pod["containers"][0]
labels = deployment["template"]["metadata"]["labels"]
fits = lambda selector: selector and all(labels.get(key) == value for key, value in selector.items())
assert fits(deployment["selector"]["matchLabels"])
assert fits(by["PodDisruptionBudget", "switchboard"]["spec"]["selector"]["matchLabels"])
assert fits(by["NetworkPolicy", "switchboard"]["spec"]["podSelector"]["matchLabels"])
ports = {port["name"] for port in container["ports"]}
for service in (it for it in documents if it["kind"] == "Service"):
    assert fits(service["spec"]["selector"]) and service["spec"]["ports"][0]["targetPort"] in ports, service["metadata"]["name"]
for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
    assert container[probe]["httpGet"]["port"] in ports, probe
volumes = {volume["name"]: volume for volume in pod["volumes"]}
assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
assert ("ConfigMap", volumes["config"]["configMap"]["name"]) in by
assert ("PersistentVolumeClaim", volumes["records"]["persistentVolumeClaim"]["claimName"]) in by
account = by["CronJob", "switchboard-deletion-cost"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAccountName"]
assert by["RoleBinding", account]["subjects"][0]["name"] == account and ("Role", account) in by
scaler = by["HorizontalPodAutoscaler", "switchboard"]["spec"]
metric = scaler["metrics"][0]["pods"]["metric"]["name"]
assert f"`{metric}`" in (path.parent.parent / "metrics.md").read_text(), metric
# New before old, and nobody root.
assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
subprocess.run(["sh", "-n"], input=by["CronJob", account]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"][0], text=True, check=True)

# The program takes the configuration with the pod's environment, and drains within the pod's grace.
with tempfile.TemporaryDirectory() as work:
    config = Path(work, "config.toml")
    config.write_text(by["ConfigMap", "switchboard"]["data"]["config.toml"])
    fields = {"status.podIP": "10.0.0.7", "metadata.name": "switchboard-5d4f-x2x4z"}
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "sk-peer-0123456789", "TWILIO_AUTH_TOKEN": "peer_test_token_0123456789abcdef0",
                   "SWITCHBOARD_ADMIN_TOKEN": "peer-0123456789abcdef0123456789", "SWITCHBOARD_CLUSTER_TOKEN": "peer-fedcba9876543210fedcba9876543210"}
    for variable in container["env"]:
        value = variable.get("value") or fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        environment[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], value)
    check = lambda given: subprocess.run([binary, "check", "--json", "--config", config], env=given, cwd=work, capture_output=True, text=True)
    asked = check(environment)
    if "cluster" in asked.stderr and "unknown key" in asked.stderr:
        print("kubernetes peer: this program has no [cluster]; the rest is judged without it")
        asked = check({name: value for name, value in environment.items() if "CLUSTER" not in name})
    assert asked.returncode == 0, asked.stderr
    runs = json.loads(asked.stdout)
grace, drain = pod["terminationGracePeriodSeconds"], runs["server"]["drain_timeout_ms"] / 1000
assert grace >= drain + 30, f"the grace of {grace} s is shorter than a drain of {drain} s"
most, average = runs["server"]["max_calls"], int(scaler["metrics"][0]["pods"]["target"]["averageValue"])
assert 0.3 * most <= average <= 0.8 * most, (average, most)
print(f"kubernetes peer: {len(documents)} objects valid by {' and '.join(VERSIONS)}, {grace} s for a drain of {drain:.0f} s")
