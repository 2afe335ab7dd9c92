#!/usr/bin/python3
"""What a large queue costs: memory while it is built and after a restart, recovery, disk, `queue list`.

    bench/memory.py [--count N] [--size OCTETS] PROGRAM

The next hop is a port where nobody listens. Bounds: 100,000 queued messages within 100 MiB.
"""

import argparse
import os
import subprocess
import time

import load

MIB = 1024 * 1024


def resident(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(status.read().split("VmRSS:")[1].split()[0]) / 1024


def disk(folder):
    octets = files = 0
    for path, _, names in os.walk(folder):
        for name in names:
            octets += os.stat(os.path.join(path, name)).st_blocks * 512
            files += 1
    return octets / MIB, files


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1024)
    options = parser.parse_args()
    options.sessions = 100
    server = load.Server(options.program, "discard:", f"smtp://127.0.0.1:{load.free_port()}")
    load.source(server.port, "user@far.test", options)
    time.sleep(2)
    print(f"{options.count} messages of {options.size} octets queued: "
          f"{resident(server.process):.0f} MiB resident")
    print("disk: {:.1f} MiB in {} files".format(*disk(f"{server.folder}/data")))
    server.kill(keep=True)
    begin = time.monotonic()
    server.start()
    print(f"after a kill ready in {time.monotonic() - begin:.2f} s: "
          f"{resident(server.process):.0f} MiB resident")
    begin = time.monotonic()
    subprocess.run([options.program, "queue", "list", "--config",
                    f"{server.folder}/posthaste.toml"], stdout=subprocess.DEVNULL, check=True)
    print(f"queue list: {time.monotonic() - begin:.2f} s; "
          f"then {resident(server.process):.0f} MiB resident")
    server.kill()


if __name__ == "__main__":
    main()
