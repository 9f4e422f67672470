"""Packs a folder as a container image, in the form that `docker load` and `podman load` take.

Usage: image.py FOLDER IMAGE VERSION ARCHITECTURE MOMENT
"""
import hashlib, io, json, os, stat, sys, tarfile
from datetime import datetime, timezone
from pathlib import Path

folder, image, version, architecture, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
# Who the service is, and the one folder that it writes to.
USER, DATA = 10001, "var/lib/switchboard"


def layer():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            info = tar.gettarinfo(path, name)
            owner = USER if name == DATA or name.startswith(DATA + "/") else 0
            info.uid = info.gid = owner
            info.uname = info.gname = ""
            info.mtime = moment
            info.mode = 0o1777 if name == "tmp" else 0o750 if owner else stat.S_IMODE(info.mode) & 0o755
            tar.addfile(info, path.open("rb") if info.isreg() else None)
    return packed.getvalue()


content = layer()
digest = hashlib.sha256(content).hexdigest()
created = datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
seconds = 1_000_000_000
config = json.dumps({
    "architecture": architecture, "os": "linux", "created": created,
    "config": {
        "User": f"{USER}:{USER}", "WorkingDir": f"/{DATA}", "Entrypoint": ["/usr/local/bin/switchboard"], "Cmd": ["serve"],
        # Inside a container the listener has to leave loopback, so the carrier's signature, a `server.public_url` and a model have to be
        # given; the admin listener stays inside.
        "Env": ["PATH=/usr/local/bin", "SWITCHBOARD__SERVER__BIND=0.0.0.0:8080"],
        "ExposedPorts": {"8080/tcp": {}}, "Volumes": {f"/{DATA}/data": {}}, "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["CMD", "/usr/local/bin/switchboard", "health"], "Interval": 10 * seconds, "Timeout": 5 * seconds, "StartPeriod": 10 * seconds},
        "Labels": {"org.opencontainers.image.title": "switchboard", "org.opencontainers.image.version": version},
    },
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    "history": [{"created": created, "created_by": "deploy/container/build"}],
}).encode()
name = hashlib.sha256(config).hexdigest()
manifest = json.dumps([{"Config": f"{name}.json", "RepoTags": [f"switchboard:{version}"], "Layers": [f"{digest}/layer.tar"]}]).encode()
with tarfile.open(image, "w", format=tarfile.PAX_FORMAT) as tar:
    for path, data in [(f"{name}.json", config), (f"{digest}/layer.tar", content), ("manifest.json", manifest)]:
        info = tarfile.TarInfo(path)
        info.size, info.mtime = len(data), moment
        tar.addfile(info, io.BytesIO(data))
