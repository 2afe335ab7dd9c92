#!/usr/bin/python3
"""A load run: Posthaste between Postfix's smtp-source and smtp-sink, against these two alone (W0).

    bench/load.py [--pairs N] [--count N] PROGRAM

These machines are noisy: W0 and the measurement alternate, and what counts is the median of their
ratios. CPU seconds are those of the server's process, for 1,000 messages.
"""

import argparse
import atexit
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def tool(name):
    return shutil.which(name) or f"/usr/sbin/{name}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def source(port, recipient, options):
    """Runs smtp-source; returns its seconds."""
    command = [tool("smtp-source"), "-s", str(options.sessions), "-l", str(options.size), "-m",
               str(options.count), "-d", "-f", "sender@client.test", "-t", recipient,
               f"127.0.0.1:{port}"]
    begin = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - begin


class Sink:
    def __init__(self):
        self.port = free_port()
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [tool("smtp-sink"), "-c", "-m", "1000", "-u", "nobody", f"127.0.0.1:{self.port}",
             "1000"], stdout=self.out, stderr=subprocess.DEVNULL)
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            time.sleep(0.01)

    def count(self):
        size = os.fstat(self.out.fileno()).st_size
        found = re.findall(rb"mesg=(\d+)\s", os.pread(self.out.fileno(), 256, max(0, size - 256)))
        return int(found[-1]) if found else 0

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Server:
    def __init__(self, program, deliver, via, routes=""):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="posthaste-bench-")
        self.port = free_port()
        if via:
            routes += f'[[route]]\nrecipient = "*"\nvia = "{via}"\n'
        with open(f"{self.folder}/posthaste.toml", "w") as out:
            out.write(f'hostname = "bench.test"\ndata_dir = "{self.folder}/data"\n'
                      f'[[listener]]\naddress = "127.0.0.1:{self.port}"\nrole = "mx"\n'
                      '[relay]\nnetworks = ["127.0.0.0/8"]\n'
                      '[limits]\nsessions_per_client = 1000\n'
                      f'[[domain]]\nname = "bench.test"\ndeliver = "{deliver}"\n'
                      '[[user]]\naddress = "user@bench.test"\n'
                      f'[delivery]\ntls = "off"\n[log]\nfile = "{self.folder}/log"\n'
                      f'[admin]\naddress = ""\n{routes}'.replace("FOLDER", self.folder))
        self.log, self.rest, self.seen = None, b"", 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, "serve", "--config",
                                         f"{self.folder}/posthaste.toml"], stderr=subprocess.PIPE)
        for line in self.process.stderr:
            if line == b"ready\n":
                break

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def delivered(self):
        """Reads the event log on, so that watching costs little."""
        self.log = self.log or open(f"{self.folder}/log", "rb")
        text = self.rest + self.log.read()
        lines, self.rest = text[:text.rfind(b"\n") + 1], text[text.rfind(b"\n") + 1:]
        self.seen += lines.count(b'"event":"delivered"')
        return self.seen

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.remove()

    def kill(self, keep=False):
        self.process.kill()
        self.process.wait()
        if not keep:
            self.remove()

    def remove(self):
        # Removed when all has been measured: for minutes after many files are gone ext4 searches
        # long for a free inode, and every new file would be slow.
        atexit.register(shutil.rmtree, self.folder)


def wait_for(count, wanted):
    while count() < wanted:
        time.sleep(0.01)


def measure(options, work):
    """(seconds, CPU seconds for 1,000) of one run."""
    sink = Sink() if work == "relay" else None
    deliver = "maildir:FOLDER/mail/{local}" if work == "maildir" else "discard:"
    server = Server(options.program, deliver, f"smtp://127.0.0.1:{sink.port}" if sink else None)
    begin = time.monotonic()
    seconds = source(server.port, "user@far.test" if sink else "user@bench.test", options)
    if sink:
        wait_for(sink.count, options.count)
        seconds = time.monotonic() - begin
        sink.stop()
    elif work == "maildir":
        wait_for(server.delivered, options.count)
        seconds = time.monotonic() - begin
    cpu = server.cpu() * 1000 / options.count
    server.stop()
    return seconds, cpu


def w0(options):
    sink = Sink()
    seconds = source(sink.port, "user@far.test", options)
    sink.stop()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--work", choices=("accept", "maildir", "relay"), help="this one alone")
    options = parser.parse_args()
    for work, sessions in (("accept", 100), ("maildir", 20), ("relay", 20)):
        if options.work not in (None, work):
            continue
        options.sessions = sessions
        ratios, rates, cpus = [], [], []
        for _ in range(options.pairs):
            alone = w0(options)
            seconds, cpu = measure(options, work)
            ratios.append(alone / seconds)
            rates.append(options.count / seconds)
            cpus.append(cpu)
        print(f"{work:8} {sessions:3} sessions, {options.size} octets: "
              f"{statistics.median(ratios):.2f} × W0 ({min(ratios):.2f} to {max(ratios):.2f}), "
              f"{statistics.median(rates):.0f} messages/s, "
              f"{statistics.median(cpus):.2f} CPU s for 1,000", flush=True)


if __name__ == "__main__":
    main()
