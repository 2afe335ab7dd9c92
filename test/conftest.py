"""What all tests share. Each test has a folder of its own, which is gone afterwards."""

import pathlib
import shutil
import signal
import tempfile

import pytest

from support import binary, tls
from support.dns import DnsServer
from support.server import Server, run
from support.sink import Sink
from support.wait import slowness

TEST_SECONDS_MAX = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "contract(*sentences): shows these sentences of contract.toml")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """No test hangs."""

    def too_slow(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS_MAX * slowness()} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(TEST_SECONDS_MAX * slowness())
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure, shows the ends of what the servers have written."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    folder = item.funcargs.get("folder")
    for file in sorted(folder.glob("**/stderr")) + sorted(folder.glob("**/events.log")) \
            if folder else []:
        text = file.read_text("utf-8", "replace")
        report.sections.append((str(file), text[-4000:]))


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="posthaste-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_server(folder):
    """Makes a Server that ends with the test."""
    servers = []

    def make(**settings):
        settings.setdefault("name", f"server{len(servers)}")
        servers.append(Server(folder, **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def make_sink():
    sinks = []

    def make(*arguments, **options):
        sinks.append(Sink(*arguments, **options))
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close()


@pytest.fixture
def sink(make_sink):
    return make_sink()


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shared_folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="posthaste-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(shared_folder):
    return tls.Authority(shared_folder / "ca")


@pytest.fixture(scope="session")
def certificate(authority):
    """(certificate, key) for localhost, 127.0.0.1 and mx.posthaste.test."""
    return authority.issue("mx.posthaste.test")


@pytest.fixture(scope="session")
def password_hash():
    """Verifier of the password "open sesame"."""
    done = run("user", "hash", stdin=b"open sesame\n")
    assert done.returncode == 0, done.stderr
    return [part for part in done.stdout.replace('"', " ").split()
            if part.startswith("$argon2id$")][0]


@pytest.fixture(scope="session", autouse=True)
def program():
    return binary.posthaste()
