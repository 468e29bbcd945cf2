"""nginx with deploy/nginx's own files: other ports, other folders, a certificate for the tests, and nothing else changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import requests

from tests.support.servers.process import MissingServiceError, ServerProcess, free_port, program

DEPLOYED = Path(__file__).resolve().parents[3] / "deploy" / "nginx"
MODULE, RULES = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"), Path("/usr/share/modsecurity-crs/rules")
USER = "www-data"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
UPSTREAM = re.compile(r"^    server 127\.0\.0\.1:8080(.*);\n(?:    server 127\.0\.0\.1:8080.*;\n)?", re.MULTILINE)


class NginxServer(ServerProcess):
    """`https` and `http` are its addresses, `upstreams` those of the servers behind it. As root it runs as nginx's own user.

    `changes` are texts of the configuration with what stands in their place; each must be there. `local` are files of an installation.
    """

    def __init__(
        self,
        upstreams: Iterable[str],
        objects: Path | None = None,
        changes: dict[str, str] | None = None,
        local: Iterable[Path] = (),
    ) -> None:
        self._program = program("nginx", "/usr/sbin/nginx")
        for needed in (MODULE, RULES):
            if not needed.exists():
                raise MissingServiceError(f"{needed} is not installed")
        super().__init__("nginx")
        self.http_port, self.https_port = free_port(), free_port()
        self.http, self.https = f"http://127.0.0.1:{self.http_port}", f"https://127.0.0.1:{self.https_port}"
        self._upstreams, self._objects, self._changes = list(upstreams), objects, changes or {}
        self._local = list(local)
        self.certificate = self.folder / "tls" / "fullchain.pem"
        self._make_certificate()
        self._write()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{USER}:", self.folder], check=True)
        self.start(self._command, self._answers)

    @property
    def access_log(self) -> str:
        return (self.folder / "access.log").read_text("utf-8")

    @property
    def error_log(self) -> str:
        return (self.folder / "error.log").read_text("utf-8", "replace")

    def _command(self) -> list[str]:
        own = [self._program, "-c", str(self.folder / "conf/nginx.conf"), "-e", str(self.folder / "error.log")]
        own += ["-g", f"daemon off; pid {self.folder}/pid;"]
        if os.geteuid() == 0:
            return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--", *own]
        return own

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.http}/healthz", timeout=5, allow_redirects=False).status_code == 308
        except requests.ConnectionError:
            return False

    def _make_certificate(self) -> None:
        folder = self.folder / "tls"
        folder.mkdir()
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        command += ["-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"]
        command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(command, check=True, capture_output=True)

    def _write(self) -> None:
        conf = self.folder / "conf"
        shutil.copytree(DEPLOYED, conf)
        (conf / "local").mkdir(exist_ok=True)
        for own in self._local:
            shutil.copy(own, conf / "local")
        (self.folder / "temporary").mkdir()
        lines = [f"{name}_temp_path {self.folder}/temporary/{name};\n" for name in TEMPORARY]
        (conf / "local" / "folders.conf").write_text("".join(lines), "utf-8")
        places = {
            "/etc/nginx/storytovideo": str(conf),
            "/etc/storytovideo/tls": str(self.folder / "tls"),
            "/var/log/nginx": str(self.folder),
            "/var/lib/storytovideo/data/assets/objects": str(self._objects or self.folder / "objects"),
            "listen 80 ": f"listen 127.0.0.1:{self.http_port} ",
            "listen 443 ": f"listen 127.0.0.1:{self.https_port} ",
            "listen [::]:80 ": "# ",
            "listen [::]:443 ": "# ",
            **self._changes,
        }
        missing = set(places)
        for file in conf.rglob("*.conf"):
            text = UPSTREAM.sub(self._servers, file.read_text("utf-8"))
            missing -= {old for old in places if old in text}
            for old, new in places.items():
                text = text.replace(old, new)
            file.write_text(text, "utf-8")
        assert missing == set(), "is no longer there"

    def _servers(self, found: re.Match[str]) -> str:
        addresses = self._upstreams * (2 if len(self._upstreams) == 1 and "max_fails=0" in found[1] else 1)
        return "".join(f"    server {address}{found[1]};\n" for address in addresses)
