"""A certificate authority and certificates, made by openssl, once for each run of the tests."""

import pathlib
import ssl
import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Issues certificates into `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", str(self.key), "-out", str(self.certificate), "-days", "2",
                 "-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, alternatives=("DNS:localhost", "IP:127.0.0.1"), days=2):
        """Returns the files of a certificate and its key. Negative `days`: it has expired."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}")
        extensions.write_text("subjectAltName=" + ",".join([f"DNS:{name}", *alternatives]) + "\n")
        _openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey",
                 str(self.key), "-CAcreateserial", "-out", str(certificate), "-days", str(days),
                 "-extfile", str(extensions))
        return certificate, key


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def client_context(authority):
    return ssl.create_default_context(cafile=str(authority.certificate))


def careless_client_context():
    """Takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
