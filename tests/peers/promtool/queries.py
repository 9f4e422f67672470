"""The queries of the alerts and of the dashboard ask for metrics, labels and values that the service has.

Usage: queries.py PROMTOOL DEPLOY METRICS
"""
import json, re, subprocess, sys, tempfile
from pathlib import Path

promtool, deploy, metrics = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).read_text()
dashboard = json.loads((deploy / "grafana/switchboard.json").read_text())
queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]
queries += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
ids = [panel["id"] for panel in dashboard["panels"]]
assert len(ids) == len(set(ids)), "two panels have one id"
places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
assert len(places) == len(set(places)), "two panels lie on each other"
alerts = (deploy / "prometheus/alerts.yml").read_text()

# The names with their labels' values, as /metrics shows them. `up` and the labels `job` and `instance` are Prometheus' own.
known = {"up": {}}
for line in metrics.splitlines():
    if found := re.match(r"([a-z_]+)(?:\{(.*)\})? ", line):
        labels = known.setdefault(found[1], {})
        for label, value in re.findall(r'(\w+)="([^"]*)"', found[2] or ""):
            labels.setdefault(label, set()).add(value)
    if found := re.match(r"# TYPE ([a-z_]+) (\w+)", line):
        known.setdefault(found[1], {})
        if found[2] == "histogram":
            known.setdefault(found[1] + "_bucket", {})

names = re.compile(r"\b(?:switchboard|process)_[a-z_]+\b|\bup\b")
texts = queries + [("alerts.yml", text) for text in re.findall(r"expr: (?:>-)?((?:.|\n)*?)(?:for:|labels:)", alerts)]
assert len(texts) > 45, len(texts)
for title, query in texts:
    for name in names.findall(query):
        assert name in known, f"{title}: there is no metric {name}"
    for name, selector in re.findall(r"((?:switchboard|process)_[a-z_]+)\{([^}]*)\}", query):
        for label, how, value in re.findall(r'(\w+)(=~|!~|=)"([^"]*)"', selector):
            values = known[name].get(label)
            if label in ("job", "instance", "le") or not values:
                continue
            for one in value.split("|"):
                assert one in values, f"{title}: {name} has no {label}={one}; it has {sorted(values)}"

with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
    groups = [{"record": f"dashboard:{number}", "expr": query} for number, (_, query) in enumerate(queries)]
    json.dump({"groups": [{"name": "dashboard", "rules": groups}]}, rules)
    rules.flush()
    subprocess.run([promtool, "check", "rules", rules.name], check=True)
print(f"{len(re.findall('alert: ', alerts))} alerts, {len(queries)} queries of the dashboard")
